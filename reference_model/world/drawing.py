"""`python -m reference_model.world.drawing`: draws batches for another process (see `stream`) until its input ends."""

import pickle
import signal
import sys

from reference_model.world.examples import batch_seeds, draw_batch


def main() -> None:
    """Answer requests (kind, seed, step, count) on standard input with batches on standard output, all pickled."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the training, which then ends this
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            kind, seed, step, count = pickle.load(requests)
        except EOFError:
            return
        try:
            batch = draw_batch(kind, batch_seeds(seed, step, count))
            pickle.dump(batch, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # nobody waits any more
            sys.stderr.close()
            return


if __name__ == "__main__":
    main()
