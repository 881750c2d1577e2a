// One trial: two sets of images (or one), the questions, and Next. The server says what to show and holds the rater's
// place; this file draws it, waits until every image is there, and sends one answer per screen. What opens above the
// screen is in dialogs.js.

const screens = new WeakMap(); // the component's root element -> what it shows now

const RESEND_AFTER_MS = 4000;
const RESENDS = 4; // before the rater is told; it counts once, however often it arrives

export default function (component) {
  const root = component.parentElement.querySelector(".root");
  const shown = screens.get(root);
  if (shown && shown.key === component.data.key) shown.update(component.data);
  else {
    if (shown) shown.close();
    screens.set(root, show(root, component));
  }
  return () => {
    const current = screens.get(root);
    if (current && !root.isConnected) {
      current.close();
      screens.delete(root);
    }
  };
}

function show(root, component) {
  const { data, setTriggerValue } = component;
  const texts = data.texts;
  const startedAt = performance.now();
  const shownAt = new Date().toISOString();
  const state = { answers: {}, sent: false, outgoing: null, silent: false, loaded: 0, failed: new Set(), loadedAt: null, zooms: 0, timer: null };
  let { attempt, notice } = data;

  root.dataset.loaded = "false";
  const images = data.sets.flatMap((set) => set.images.map((url, i) => makeImage(set, url, i)));
  const zoom = makeZoom(images, data, texts);
  const stop = makeStop(texts, () => deliver("stop", { key: data.key }));
  const report = makeReport(texts, (problem) => setTriggerValue("report", { key: data.key, ...problem }));
  const status = make("p", { className: "status", role: "status" });
  const retry = make("button", { type: "button", className: "quiet", textContent: texts.retry, hidden: true });
  const next = make("button", { type: "submit", className: "next", textContent: texts.next });
  const undo = make("button", { type: "button", className: "quiet undo", textContent: texts.undo });
  undo.append(keyCap("U"));
  undo.hidden = !data.can_undo;
  const form = make("form", { className: "questions" });
  form.append(...data.questions.map(makeQuestion), footer());
  const heading = make("p", { className: "caption", tabIndex: -1 });
  heading.append(make("span", { className: "label", textContent: texts.caption }), quoted(data));
  const feedback = make("p", { className: "feedback", role: "alert", tabIndex: -1, textContent: data.feedback });
  feedback.hidden = !data.feedback;
  const dialogs = [zoom.dialog, stop.dialog, report.dialog];
  root.replaceChildren(header(), feedback, heading, setsRow(), form, ...dialogs);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  undo.addEventListener("click", takeBack);
  retry.addEventListener("click", loadAgain);
  window.addEventListener("keydown", onKey);
  root.getRootNode().host?.closest('[data-testid="stMain"]')?.scrollTo(0, 0);
  (data.feedback ? feedback : heading).focus({ preventScroll: true });
  refresh();

  return {
    key: data.key,
    // The server refused what was sent from this very screen: all that was done on it stays, to be sent again.
    update(refused) {
      report.confirm(refused.reported);
      if (refused.attempt === attempt) return;
      ({ attempt, notice } = refused);
      clearTimeout(state.timer);
      state.sent = state.silent = false;
      refresh();
    },
    close() {
      clearTimeout(state.timer);
      window.removeEventListener("keydown", onKey);
      for (const dialog of dialogs) dialog.close();
    },
  };

  function header() {
    const bar = make("progress", { max: 1, value: data.progress.value });
    const text = make("p", { className: "progress", textContent: data.progress.text });
    bar.setAttribute("aria-label", data.progress.text);
    const row = make("header", {});
    row.append(text, bar, undo);
    return row;
  }

  function setsRow() {
    const row = make("div", { className: "sets" });
    row.dataset.sets = data.sets.length;
    for (const set of data.sets) {
      const section = make("section", { className: "set" });
      section.setAttribute("aria-label", set.label);
      const grid = make("div", { className: "grid" });
      grid.dataset.count = set.images.length;
      grid.append(...images.filter((image) => image.set === set).map((image) => image.button));
      section.append(make("h2", { textContent: set.label }), grid);
      row.append(section);
    }
    return row;
  }

  function makeImage(set, url, i) {
    const count = set.images.length;
    const alt = count === 1 ? set.label : fill(texts.image_alt, { set: set.label, index: i + 1, count });
    const element = make("img", { alt, draggable: false, decoding: "async" });
    const button = make("button", { type: "button", className: "shot", title: texts.enlarge });
    button.append(element);
    const image = { set, url, alt, element, button };
    element.addEventListener("load", () => arrived(image));
    element.addEventListener("error", () => missed(image));
    button.addEventListener("click", () => {
      state.zooms += 1;
      zoom.open(images.indexOf(image));
    });
    element.src = url;
    return image;
  }

  function arrived(image) {
    if (image.done) return;
    image.done = true;
    state.failed.delete(image);
    state.loaded += 1;
    if (state.loaded === images.length) {
      state.loadedAt = performance.now();
      root.dataset.loaded = "true";
      for (const url of data.preload) new Image().src = url; // the next screen's, while this one is looked at
    }
    refresh();
  }

  function missed(image) {
    state.failed.add(image);
    refresh();
  }

  function loadAgain() {
    const failed = [...state.failed];
    state.failed.clear();
    for (const image of failed) {
      image.element.src = "";
      image.element.src = image.url;
    }
    refresh();
  }

  function makeQuestion(question) {
    const fieldset = make("fieldset", {});
    const options = make("div", { className: "options" });
    for (const answer of question.answers) {
      const input = make("input", { type: "radio", name: question.id, value: answer.value });
      input.addEventListener("change", () => choose(question.id, answer.value));
      const label = make("label", {});
      label.append(input, make("span", { textContent: answer.text }), keyCap(answer.key));
      options.append(label);
    }
    const legend = make("legend", {});
    const [before, after] = question.text.split("{caption}");
    legend.append(before, ...(after === undefined ? [] : [quoted(data), after]));
    fieldset.append(legend, options);
    return fieldset;
  }

  function footer() {
    const row = make("div", { className: "footer" });
    next.append(keyCap("↵"));
    const aside = make("div", { className: "aside" });
    aside.append(report.button, stop.button);
    row.append(status, retry, next, aside);
    return row;
  }

  function choose(question, value) {
    const input = form.querySelector(`input[name="${question}"][value="${value}"]`);
    if (!state.sent) {
      state.answers[question] = value;
      input.checked = true;
      refresh();
    }
    return input;
  }

  function complete() {
    return state.loadedAt !== null && data.questions.every((question) => state.answers[question.id]);
  }

  function refresh() {
    const answered = data.questions.every((question) => state.answers[question.id]);
    retry.hidden = state.failed.size === 0;
    next.setAttribute("aria-disabled", String(!complete() || state.sent));
    for (const input of form.querySelectorAll("input")) input.disabled = state.sent;
    if (state.sent) status.textContent = state.silent ? texts.unconfirmed : `${texts.saving} …`;
    else if (state.failed.size) status.textContent = texts.failed;
    else if (state.loadedAt === null)
      status.textContent = fill(texts.loading, { loaded: state.loaded, count: images.length });
    else if (notice && (attempt || !answered)) status.textContent = notice;
    else status.textContent = answered ? texts.ready : texts.answer_first;
  }

  function send() {
    if (state.sent || !complete()) {
      refresh();
      return;
    }
    // The same answers once more are the same submission; others, after a refusal, are another.
    if (!state.outgoing || data.questions.some(({ id }) => state.outgoing.answers[id] !== state.answers[id]))
      state.outgoing = {
        key: data.key,
        submission: newId(),
        answers: { ...state.answers },
        timing: {
          load_ms: Math.round(state.loadedAt - startedAt),
          dwell_ms: Math.round(performance.now() - state.loadedAt),
          zooms: state.zooms,
          shown_at: shownAt,
        },
      };
    deliver("answer", state.outgoing);
  }

  function takeBack() {
    if (state.sent || !data.can_undo) return;
    deliver("undo", { key: data.key });
  }

  // The server answers with another screen, or refuses. Until it does, the same message goes out again and again, and
  // nothing on the screen can be changed: the answer may be saved already, with only the word of it on its way.
  function deliver(event, message, tries = 0) {
    state.sent = true;
    state.silent = tries > RESENDS;
    setTriggerValue(event, message);
    refresh();
    state.timer = setTimeout(() => deliver(event, message, tries + 1), RESEND_AFTER_MS);
  }

  function onKey(event) {
    if (!root.isConnected || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (dialogs.some((dialog) => dialog.open)) return;
    const target = event.composedPath()[0];
    const answer = answerOf(event.key);
    if (answer) choose(answer.question, answer.value).focus({ preventScroll: true });
    else if (event.key === "Enter" && !(target instanceof HTMLButtonElement)) send();
    else if (event.key.toLowerCase() === "u") takeBack();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function answerOf(key) {
    for (const question of data.questions)
      for (const answer of question.answers)
        if (answer.key === key) return { question: question.id, value: answer.value };
    return null;
  }
}

function make(tag, properties) {
  const element = document.createElement(tag);
  const { role, ...others } = properties;
  if (role) element.setAttribute("role", role);
  return Object.assign(element, others);
}

function keyCap(text) {
  const cap = make("kbd", { textContent: text });
  cap.setAttribute("aria-hidden", "true");
  return cap;
}

// The caption in quotation marks: as it was written, whatever translates the page around it.
function quoted({ caption, caption_language }) {
  return make("q", { textContent: caption, lang: caption_language, translate: false, dir: "auto" });
}

// Not crypto.randomUUID, which a browser has only where the page came by HTTPS.
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
