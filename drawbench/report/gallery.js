// The gallery of a report: filters, sorts and shows what the data files hold; only the rows in sight are in the page.
"use strict";
(() => {
  const AROUND = 2; // rows drawn beyond what is in sight
  const PRINTED = 300; // rows at most on paper
  const LEAST_SHOT = 84, ON_A_PHONE = 60; // pixels
  const parts = window.galleryData || [];
  const sets = parts.filter((part) => part.kind === "set");
  for (const set of sets) {
    set.runs = parts.filter((part) => part.kind === "run" && part.set === set.slug);
    set.samples = Math.max(...set.runs.map((run) => run.samples));
    set.metrics = [...new Map(set.runs.flatMap((run) => run.metrics.map((each) => [each.key, each]))).values()];
    set.place = new Map(set.prompts.map(([id], number) => [id, number]));
  }
  const at = (id) => document.getElementById(id);
  const list = at("list"), rows = at("rows"), zoom = at("zoom");
  let set = sets[0], order = [], height = 0, shown = new Map(), open = null, found = -1;

  // ---- elements

  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => element("option", { value, textContent: text })));
    select.closest("label").hidden = entries.length < 2;
  }

  const address = (...names) => "#" + names.map(encodeURIComponent).join("/");

  // ---- numbers

  const known = (values) => values.filter((value) => value !== null && value !== undefined);
  const mean = (values) => (known(values).length ? known(values).reduce((a, b) => a + b, 0) / known(values).length : null);
  const metric = () => set.metrics.find((each) => each.key === at("metric").value);
  const metricOf = (run, key) => run.metrics.find((each) => each.key === key);
  const written = (value, of) => (value === null || value === undefined ? "–" : value.toFixed(of.decimals));

  function promptMean(run, key, prompt) {
    const of = metricOf(run, key);
    return of ? mean(of.values[prompt]) : null;
  }

  function spread(values) {
    const there = known(values);
    return there.length > 1 ? Math.max(...there) - Math.min(...there) : null;
  }

  // The share of prompts that a prompt is better than, by one metric, all models together.
  function standings(key) {
    const of = set.metrics.find((each) => each.key === key);
    const means = set.prompts.map((_, prompt) => mean(set.runs.map((run) => promptMean(run, key, prompt))));
    const sorted = known(means).sort((a, b) => (of.higher ? a - b : b - a));
    const first = new Map();
    sorted.forEach((value, number) => first.has(value) || first.set(value, number));
    return means.map((value) => (value === null ? null : first.get(value) / Math.max(1, sorted.length - 1)));
  }

  function sortKeys() {
    const of = metric(), chosen = set.runs.filter((run) => at("model").value === "" || run.slug === at("model").value);
    const value = (prompt) => mean(chosen.map((run) => promptMean(run, of.key, prompt)));
    switch (of && at("sort").value) {
      case "best": return set.prompts.map((_, prompt) => signed(value(prompt), of.higher));
      case "worst": return set.prompts.map((_, prompt) => signed(value(prompt), !of.higher));
      case "models": return set.prompts.map((_, prompt) => spread(set.runs.map((run) => promptMean(run, of.key, prompt))));
      case "metrics": {
        const all = set.metrics.map((each) => standings(each.key));
        return set.prompts.map((_, prompt) => spread(all.map((standing) => standing[prompt])));
      }
      default: return null;
    }
  }

  const signed = (value, higher) => (value === null ? null : higher ? value : -value);

  // ---- which prompts, in which order

  function choose() {
    const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const category = at("category").value, refused = at("refused").checked;
    order = [];
    set.prompts.forEach(([id, number, , text], prompt) => {
      const all = `${id} ${text}`.toLowerCase();
      const hit = words.every((word) => all.includes(word)) && (category === "" || String(number) === category);
      if (hit && (!refused || set.runs.some((run) => run.images[prompt].some(Array.isArray)))) order.push(prompt);
    });
    const keys = sortKeys();
    if (keys) order.sort((a, b) => (keys[a] === null) - (keys[b] === null) || keys[b] - keys[a] || a - b);
    at("model").closest("label").hidden = set.runs.length < 2 || !["best", "worst"].includes(at("sort").value);
    set.keys = ["models", "metrics"].includes(at("sort").value) ? keys : null;
    at("count").textContent = `${order.length.toLocaleString("en")} of ${set.prompts.length.toLocaleString("en")} prompts`;
    list.scrollTop = 0;
    measure();
  }

  function fillTools() {
    const categories = set.categories.map((name, number) => [number, name, set.prompts.filter((each) => each[1] === number).length]);
    options(at("set"), sets.map((each) => [each.slug, each.name]));
    options(at("category"), [["", "all"], ...(categories.length > 1 ? categories.map(([n, name, count]) => [n, `${name} (${count})`]) : [])]);
    options(at("metric"), set.metrics.map((each) => [each.key, each.name]));
    at("metric").closest("label").hidden = !set.metrics.length; // one, too: it says what the numbers are
    options(at("model"), set.runs.length > 1 ? [["", "all models"], ...set.runs.map((run) => [run.slug, run.label])] : []);
    options(at("sample"), [["", `all ${set.samples}`], ...(set.samples > 1 ? Array.from({ length: set.samples }, (_, n) => [n, `number ${n + 1}`]) : [])]);
    at("set").value = set.slug;
    const sort = at("sort").options;
    at("sort").closest("label").hidden = !set.metrics.length;
    sort[3].hidden = sort[3].disabled = set.runs.length < 2;
    sort[4].hidden = sort[4].disabled = set.metrics.length < 2;
    at("refused").closest("label").hidden = !set.runs.some((run) => run.images.some((each) => each.some(Array.isArray)));
    at("query").placeholder = set.texts ? "id or text" : "id";
    list.style.setProperty("--models", set.runs.length);
    at("names").replaceChildren(element("span", { className: "corner soft" }), ...set.runs.map((run) => element("b", { textContent: run.label, title: run.label })));
  }

  // ---- rows

  const samplesShown = (run) => (at("sample").value === "" ? run.images[0].map((_, n) => n) : [Number(at("sample").value)]);

  function picture(run, prompt, sample) {
    const image = run.images[prompt][sample];
    if (image === undefined) return element("span", { className: "none", textContent: "not drawn" });
    if (Array.isArray(image)) return element("span", { className: "none", textContent: "refused", title: image[0] });
    const side = run.pixelated ? run.size : Math.min(run.size, 256);
    const img = element("img", { loading: "lazy", decoding: "async", width: side, height: side, className: run.pixelated ? "pixelated" : "" });
    img.alt = `${set.prompts[prompt][0]}, image ${sample + 1}, ${run.label}`;
    img.src = `thumbs/${image}.webp`;
    return img;
  }

  function shot(run, prompt, sample, of, label) {
    const refused = Array.isArray(run.images[prompt][sample]);
    const link = element("a", { className: "shot", href: address(set.slug, set.prompts[prompt][0], sample + 1, run.slug) }, picture(run, prompt, sample));
    if (refused) link.setAttribute("aria-label", `${set.prompts[prompt][0]}, image ${sample + 1}, ${run.label}: refused`);
    if (label) link.append(element("span", { textContent: label }));
    const mine = of && metricOf(run, of.key), made = element("div", { className: "one" }, link);
    if (mine) made.append(number("score", refused ? "" : written(mine.values[prompt][sample], of), mine));
    return made;
  }

  // A score leads to what is known of its metric; by keys that is reached from the enlarged image.
  function number(className, text, of) {
    return of.href && text ? element("a", { className, href: of.href, textContent: text, tabIndex: -1 }) : element("span", { className, textContent: text });
  }

  function row(place) {
    const prompt = order[place], [id, category, , text] = set.prompts[prompt], of = metric();
    const told = element("div", {}, element("a", { className: "id", href: address(set.slug, id), textContent: id }));
    if (set.categories[category]) told.append(element("p", { textContent: set.categories[category] }));
    if (set.texts) told.append(element("p", { className: "text", textContent: text, title: text }));
    if (set.keys && set.keys[prompt] !== null) {
      const share = at("sort").value === "metrics";
      told.append(element("p", { textContent: share ? `metrics differ by ${Math.round(100 * set.keys[prompt])}% of the ranks` : `models differ by ${written(set.keys[prompt], of)}` }));
    }
    const models = set.runs.map((run) => {
      const value = of ? promptMean(run, of.key, prompt) : null;
      const heading = element("p", { className: "mean" });
      const mine = of && metricOf(run, of.key);
      if (mine && run.samples > 1) heading.append("mean ", number("value", written(value, of), mine));
      const shots = samplesShown(run).map((sample) => shot(run, prompt, sample, of));
      return element("div", { role: "group", "aria-label": run.label }, ...(run.samples > 1 && of ? [heading] : []), element("div", { className: "shots" }, ...shots));
    });
    const made = element("li", { className: "row" + (prompt === found ? " found" : "") }, element("div", { className: "prompt" }, told), ...models);
    made.setAttribute("aria-posinset", place + 1);
    made.setAttribute("aria-setsize", order.length);
    return made;
  }

  // All rows are as high as the first: the same models, samples and lines.
  function measure() {
    shown.clear();
    rows.replaceChildren();
    if (!order.length) {
      rows.style.height = "auto";
      rows.append(element("li", { className: "nothing", textContent: "No prompt fits.", style: "position: static" }));
      return;
    }
    const count = at("sample").value === "" ? set.samples : 1;
    list.style.setProperty("--widest", `${Math.max(16, 10 * count)}rem`);
    const probe = row(0);
    rows.append(probe);
    const width = probe.lastElementChild.clientWidth;
    const columns = [count, Math.ceil(count / 2), Math.ceil(count / 4), 2, 1].find((n) => n <= count && width / n >= (list.clientWidth < 700 ? ON_A_PHONE : LEAST_SHOT)) || Math.min(2, count);
    list.style.setProperty("--cols", columns);
    height = Math.ceil(probe.getBoundingClientRect().height);
    probe.remove();
    rows.style.height = `${height * order.length}px`;
    paint();
  }

  function paint(first, last) {
    if (!order.length) return;
    first ??= Math.max(0, Math.floor(list.scrollTop / height) - AROUND);
    last ??= Math.min(order.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + AROUND);
    for (const [place, made] of shown) {
      if ((place < first || place >= last) && !made.contains(document.activeElement)) {
        made.remove();
        shown.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (shown.has(place)) continue;
      const made = row(place);
      made.style.top = `${place * height}px`;
      made.style.height = `${height}px`;
      shown.set(place, made);
      const next = [...shown.keys()].filter((each) => each > place).sort((a, b) => a - b)[0];
      rows.insertBefore(made, next === undefined ? null : shown.get(next)); // in the order of the list, for Tab
    }
  }

  // ---- one image

  function enlarge(prompt, sample, run) {
    const [id, category, folder, text] = set.prompts[prompt], image = run.images[prompt][sample];
    open = { prompt, sample, run };
    at("zoom-title").textContent = `${id}, image ${sample + 1} of ${run.samples}, ${run.label}`;
    at("text").textContent = text;
    const original = `${run.originals}/${folder}/${encodeURIComponent(id)}-${sample}.png`;
    const facts = [["category", set.categories[category]], ["seed", run.seeds[prompt][sample]]];
    if (Array.isArray(image) || image === undefined) {
      at("picture").replaceChildren(element("p", { className: "none", textContent: image ? `Refused: ${image[0]}` : "Not drawn: this model drew fewer images." }));
    } else {
      const large = element("img", { src: original, alt: `${id}, image ${sample + 1}, ${run.label}`, className: run.size <= 128 ? "pixelated" : "" });
      large.onerror = () => { large.onerror = null; large.src = `thumbs/${image}.webp`; };
      at("picture").replaceChildren(large);
      for (const each of run.metrics) {
        const link = element("a", { className: "number", href: each.href, textContent: written(each.values[prompt][sample], each) });
        facts.push([each.name, link]);
      }
      facts.push(["original", element("a", { href: original, textContent: `${id}-${sample}.png, ${run.size} px` })]);
    }
    at("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", {}, value)]));
    const seeds = new Set(set.runs.map((other) => other.seeds[prompt][sample]).filter(Boolean));
    at("same").textContent = seeds.size > 1 ? "Same prompt, another seed each" : "Same prompt, same seed";
    at("others").replaceChildren(...set.runs.map((other) => {
      const made = shot(other, prompt, sample, metric(), other.label);
      if (other === run) made.firstChild.setAttribute("aria-current", "true");
      return made;
    }));
    if (!zoom.open) zoom.showModal();
  }

  function step(forward) {
    const { prompt, sample, run } = open, next = sample + forward;
    if (run.images[prompt][next] !== undefined) return go(prompt, next, run);
    const place = order.indexOf(prompt) + forward;
    if (place < 0 || place >= order.length) return undefined;
    return go(order[place], forward > 0 ? 0 : run.samples - 1, run);
  }

  function otherModel(forward) {
    const place = set.runs.indexOf(open.run) + forward;
    if (set.runs[place]) go(open.prompt, open.sample, set.runs[place]);
  }

  const go = (prompt, sample, run) => location.replace(address(set.slug, set.prompts[prompt][0], sample + 1, run.slug));

  function closed() {
    if (!open) return; // an address led elsewhere
    const { prompt, sample, run } = open;
    open = null;
    history.replaceState(null, "", address(set.slug, set.prompts[prompt][0]));
    reveal(prompt);
    const link = address(set.slug, set.prompts[prompt][0], sample + 1, run.slug);
    [...rows.querySelectorAll("a.shot")].find((each) => each.getAttribute("href") === link)?.focus({ preventScroll: true });
  }

  // ---- addresses: #set/prompt, #set/prompt/image/model

  function reveal(prompt) {
    const place = order.indexOf(prompt);
    if (place < 0) return;
    const top = place * height;
    if (top < list.scrollTop || top + height > list.scrollTop + list.clientHeight) list.scrollTop = top;
    paint();
  }

  function leave() {
    open = null;
    if (zoom.open) zoom.close();
  }

  function follow() {
    const [slug, id, number, model] = location.hash.slice(1).split("/").map(decodeURIComponent);
    const wanted = sets.find((each) => each.slug === slug);
    if (!wanted) return leave();
    if (wanted !== set) choose_set(wanted);
    const prompt = set.place.get(id);
    if (prompt === undefined) return leave();
    if (!order.includes(prompt)) {
      at("query").value = at("category").value = "";
      at("refused").checked = false;
      choose();
    }
    const run = set.runs.find((each) => each.slug === model);
    if (run && run.images[prompt]) return enlarge(prompt, Math.max(0, Number(number) - 1 || 0), run);
    leave();
    found = prompt;
    for (const made of shown.values()) made.classList.remove("found");
    list.scrollTop = order.indexOf(prompt) * height;
    shown.get(order.indexOf(prompt))?.remove();
    shown.delete(order.indexOf(prompt));
    return paint();
  }

  function choose_set(wanted) {
    set = wanted;
    fillTools();
    at("query").value = "";
    at("refused").checked = false;
    choose();
  }

  // ---- start

  if (matchMedia("(max-width: 55rem)").matches) at("more").open = false;
  at("set").addEventListener("change", () => choose_set(sets.find((each) => each.slug === at("set").value)));
  for (const id of ["category", "metric", "sort", "model", "sample", "refused"]) at(id).addEventListener("change", choose);
  at("query").addEventListener("input", choose);
  let waiting = false;
  list.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; paint(); });
  });
  let width = 0;
  new ResizeObserver(() => {
    if (list.clientWidth === width) return paint();
    width = list.clientWidth;
    const place = height ? list.scrollTop / height : 0;
    measure();
    list.scrollTop = place * height;
    return undefined;
  }).observe(list);
  at("close").addEventListener("click", () => zoom.close());
  at("previous").addEventListener("click", () => step(-1));
  at("next").addEventListener("click", () => step(1));
  zoom.addEventListener("close", closed);
  zoom.addEventListener("keydown", (event) => {
    const act = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => otherModel(-1), ArrowDown: () => otherModel(1) }[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  at("others").addEventListener("click", (event) => {
    const link = event.target.closest("a.shot");
    if (!link) return;
    event.preventDefault();
    location.replace(link.getAttribute("href"));
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => paint(0, Math.min(order.length, PRINTED)));
  addEventListener("afterprint", measure);
  if (set) {
    fillTools();
    choose();
    follow();
  }
})();
