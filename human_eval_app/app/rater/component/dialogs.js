// What opens above a screen: a picture enlarged, the question whether to stop, and a box to report a problem.
// One script with trial.js, which has the helpers. While one is open, its keys are its own.

const UNSENT_AFTER_MS = 8000;
const SWIPE_PX = 40;

function makeZoom(images, data, texts) {
  const dialog = make("dialog", { className: "zoom" });
  const picture = make("img", { alt: "" });
  const title = make("p", { className: "title" });
  const caption = make("p", {});
  const head = make("div", { className: "head" });
  const before = make("button", { type: "button", textContent: "‹", ariaLabel: texts.previous, className: "before" });
  const after = make("button", { type: "button", textContent: "›", ariaLabel: texts.following, className: "after" });
  const close = make("button", { type: "button", textContent: "×", ariaLabel: texts.close, className: "close" });
  before.hidden = after.hidden = images.length < 2;
  let at = 0;
  let touchedAt = null;
  let shown = false;

  function turn(to) {
    at = (to + images.length) % images.length;
    picture.src = images[at].url;
    picture.alt = images[at].alt;
    title.textContent = images[at].alt;
  }

  // Once only: the "close" event comes a moment later, when keys may have moved the focus on already.
  function leave() {
    if (!shown) return;
    shown = false;
    if (dialog.open) dialog.close();
    images[at].button.focus();
  }

  before.addEventListener("click", () => turn(at - 1));
  after.addEventListener("click", () => turn(at + 1));
  close.addEventListener("click", leave);
  dialog.addEventListener("click", (event) => event.target === dialog && leave());
  dialog.addEventListener("close", () => dialog.open || leave());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") turn(at - 1);
    else if (event.key === "ArrowRight") turn(at + 1);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("touchstart", ({ touches }) => {
    touchedAt = touches.length === 1 ? touches[0].clientX : null; // two fingers enlarge the page
  });
  dialog.addEventListener("touchend", ({ changedTouches }) => {
    const moved = touchedAt === null ? 0 : changedTouches[0].clientX - touchedAt;
    if (Math.abs(moved) > SWIPE_PX) turn(at - Math.sign(moved));
  });
  caption.append(quoted(data));
  head.append(caption, title);
  dialog.append(head, before, picture, after, close);
  return {
    dialog,
    open(index) {
      turn(index);
      shown = true;
      dialog.showModal();
    },
  };
}

function makeStop(texts, leaveStudy) {
  const button = make("button", { type: "button", className: "link stop", textContent: texts.stop });
  const dialog = make("dialog", { className: "box", ariaLabel: texts.stop });
  const no = make("button", { type: "button", className: "go", textContent: texts.stop_no, autofocus: true });
  const yes = make("button", { type: "button", className: "quiet", textContent: texts.stop_yes });
  const row = make("div", { className: "choices" });
  row.append(yes, no);
  dialog.append(make("p", { textContent: texts.stop_confirm }), row);
  button.addEventListener("click", () => dialog.showModal());
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    dialog.close();
    leaveStudy();
  });
  return { button, dialog };
}

function makeReport(texts, send) {
  const button = make("button", { type: "button", className: "link report", textContent: texts.report });
  const dialog = make("dialog", { className: "box", ariaLabel: texts.report });
  const form = make("form", {});
  const label = make("label", { textContent: texts.report_what });
  const text = make("textarea", { rows: 4, maxLength: 1000, required: true, dir: "auto" });
  const said = make("p", { className: "said", role: "status" });
  const cancel = make("button", { type: "button", className: "quiet", textContent: texts.report_close });
  const submit = make("button", { type: "submit", className: "go", textContent: texts.report_send });
  const row = make("div", { className: "choices" });
  let number = 0; // of the report on its way; the server tells which one it has
  let timer = null;

  function wait(waiting, words, sent = false) {
    clearTimeout(timer);
    text.readOnly = submit.disabled = waiting;
    label.hidden = submit.hidden = sent;
    said.textContent = words;
  }

  label.append(text);
  row.append(said, cancel, submit);
  form.append(label, row);
  dialog.append(form);
  button.addEventListener("click", () => {
    wait(false, "");
    dialog.showModal();
  });
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    number += 1;
    wait(true, `${texts.report_sending} …`);
    timer = setTimeout(() => wait(false, texts.report_failed), UNSENT_AFTER_MS);
    send({ number, text: text.value });
  });
  return {
    button,
    dialog,
    confirm(known) {
      if (known !== number || !submit.disabled) return;
      text.value = "";
      wait(true, texts.report_thanks, true);
      cancel.focus();
    },
  };
}
