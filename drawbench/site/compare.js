// The comparison of two to four models, in every table that holds at least two of them. The address names them: #one/two.
"use strict";
(() => {
  const MOST = 4, OFFERED = 12, LANE = 15, AROUND = 14; // as in other plots
  const DUMB = "not measurable with this scorer";
  const at = (id) => document.getElementById(id);
  const loaded = new Map(); // slug -> results
  let tables = [], names = new Map(), chosen = [];

  window.drawbench = {
    known(found) {
      tables = found.tables;
      names = new Map(found.models);
    },
    model([slug, results]) {
      loaded.set(slug, results);
    },
  };

  const load = (slug) => loaded.has(slug) || loadScript(`data/models/${encodeURIComponent(slug)}.js`);

  // ---- elements

  function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // a broken address names no model
    }
  }

  const shape = (look) => at("shapes").children[look].firstElementChild.cloneNode(true);

  function sign(look) {
    return drawn("svg", { class: `s${look}`, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, shape(look));
  }

  // ---- choosing

  function offer() {
    const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = [];
    for (const [slug, name] of names) {
      if (!chosen.includes(slug) && words.every((word) => name.toLowerCase().includes(word))) fitting.push([slug, name]);
    }
    const full = chosen.length >= MOST;
    at("found").replaceChildren(
      ...(full ? [] : fitting.slice(0, OFFERED)).map(([slug, name]) =>
        element("li", {}, element("button", { type: "button", textContent: name, onclick: () => choose([...chosen, slug]) })),
      ),
    );
    const more = fitting.length - OFFERED;
    at("said").textContent = full ? `${MOST} are chosen: remove one to add another.`
      : fitting.length === 0 ? "No model fits." : more > 0 ? `and ${more.toLocaleString("en")} more: search` : "";
  }

  function choose(slugs) {
    at("query").value = "";
    location.hash = slugs.map(encodeURIComponent).join("/");
    at("query").focus();
  }

  async function show() {
    const asked = location.hash.slice(1).split("/").filter(Boolean).map(decoded);
    chosen = [...new Set(asked)].filter((slug) => names.has(slug)).slice(0, MOST);
    at("chosen").replaceChildren(
      ...chosen.map((slug, look) =>
        element("li", {}, sign(look), element("a", { href: page(slug), textContent: names.get(slug) }),
          element("button", {
            type: "button", textContent: "✕", ariaLabel: `Remove ${names.get(slug)}`,
            onclick: () => choose(chosen.filter((each) => each !== slug)),
          })),
      ),
    );
    offer();
    const now = chosen;
    await Promise.all(now.map(load));
    if (now === chosen) at("compared").replaceChildren(...compared());
  }

  const page = (slug) => `models/${encodeURIComponent(slug)}.html`;

  // ---- what is compared

  function compared() {
    if (chosen.length < 2) return [element("p", { className: "soft", textContent: "Choose two models or more." })];
    const shared = tables
      .map((table, number) => [table, chosen.flatMap((slug, look) => rowsOf(slug, number).map((row) => ({ ...row, slug, look })))])
      .filter(([, rows]) => new Set(rows.map((row) => row.slug)).size > 1);
    if (!shared.length) {
      return [element("p", {}, "No table holds two of them: their prompts, protocols, references, sizes or numbers of images differ, so that their numbers do not compare.")];
    }
    return shared.map(([table, rows]) => section(table, rows));
  }

  const rowsOf = (slug, number) => loaded.get(slug).filter((result) => result.table === number);

  function section(table, rows) {
    const marks = new Map();
    const overall = grid(table, table.metrics.map(([name, title]) => [title, rows.map((row) => row.scores[name]?.overall)]), rows, marks);
    const made = element("section", { className: "compared" },
      element("h2", {}, element("a", { href: `index.html#${encodeURIComponent(table.slug)}`, textContent: table.title })),
      element("ul", { className: "cautions" }, ...table.cautions.map((text) => element("li", { textContent: text }))),
      overall);
    const scopes = table.scopes.filter((scope) => scope !== "overall");
    const plotted = table.metrics.filter(([name, , better]) => better !== null && scopes.some((scope) => rows.some((row) => row.scores[name]?.[scope])));
    plotted.forEach(([name, title], number) => {
      const lines = table.scopes.map((scope) => [scope, rows.map((row) => row.scores[name]?.[scope])]).filter(([, found]) => found.some(Boolean));
      const figure = element("figure", { ariaLabel: `${title} by category` }, plot(lines, rows, title),
        element("figcaption", { textContent: `${title} by category; whiskers are 95% intervals, each for its model and category alone.${lines.some(([, found]) => found.some((score) => score?.[6].includes(DUMB))) ? ` A hollow mark: ${DUMB}.` : ""}` }));
      const content = [figure, element("details", {}, element("summary", { textContent: `${title} by category in numbers` }), grid(table, lines, rows, marks))];
      made.append(...(number === 0 ? content : [element("details", {}, element("summary", { textContent: `${title} by category` }), ...content)]));
    });
    made.append(
      element("ul", { className: "db-notes" }, ...[...marks].map(([note, mark]) => element("li", {}, element("sup", { textContent: mark }), ` ${note}`))),
      ...paired(table, rows));
    return made;
  }

  function paired(table, rows) {
    const pairs = rows.flatMap((one, i) => rows.slice(i + 1).map((other) => [one, other])).filter(([one, other]) => one.run !== other.run);
    return [
      element("p", { className: "lead" }, "These intervals are unpaired: each is of one model alone. Where two do not overlap, the models differ by more than noise; where they do, nothing is said. On the same prompts, with both runs, this tells more:"),
      element("pre", { tabIndex: 0 }, element("code", { textContent: pairs.map(([one, other]) => `drawbench compare runs/${one.run} runs/${other.run} ${table.options}`).join("\n") })),
    ];
  }

  // ---- tables: [value, interval, number, low, high, n, remarks, address]

  function grid(table, lines, rows, marks) {
    const heads = rows.map((row) => element("th", { scope: "col", className: "db-num" }, row.label, element("span", { className: "soft", textContent: row.rank === "–" ? "no rank" : `rank ${row.rank}` })));
    const body = lines.map(([title, scores]) =>
      element("tr", {}, element("th", { scope: "row", textContent: title }), ...scores.map((score, place) => cell(score, rows[place], marks, table.cautions))));
    return element("div", { className: "db-scroll", tabIndex: 0, role: "group", ariaLabel: `${table.title}: numbers` },
      element("table", {}, element("thead", {}, element("tr", {}, element("td"), ...heads)), element("tbody", {}, ...body)));
  }

  function cell(score, row, marks, cautions) {
    if (!score) return element("td", { className: "db-num", textContent: "–" });
    const [value, interval, , , , n, remarks, address] = score;
    const made = element("td", { className: "db-num" }, element("a", { className: "number", href: `${page(row.slug)}#${address}`, textContent: value }));
    const told = [...remarks.filter((text) => !cautions.includes(text)), ...(interval ? [] : ["interval: not available"])];
    if (told.length) {
      for (const text of told) if (!marks.has(text)) marks.set(text, text === DUMB ? "†" : `[${marks.size - marks.has(DUMB) + 1}]`);
      made.append(element("sup", { textContent: told.map((text) => marks.get(text)).join("") }));
    }
    made.append(" ", element("span", { className: "db-interval", textContent: [interval, `n = ${n}`].filter(Boolean).join(", ") }));
    return made;
  }

  // ---- plots

  function ticks(low, high) {
    const raw = (high - low) / 6, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
    const found = [];
    for (let number = Math.ceil(low / step); number * step <= high; number += 1) found.push(Number((number * step).toPrecision(12)));
    return found;
  }

  function plot(lines, rows, title) {
    const ends = lines.flatMap(([, scores]) => scores.filter(Boolean).flatMap(([, , value, low, high]) => [value, low ?? value, high ?? value]));
    const least = Math.min(...ends), most = Math.max(...ends), margin = 0.04 * (most - least) || Math.abs(most) * 0.04 || 1;
    const low = least - margin, high = most + margin;
    const x = (value) => `${((100 * (value - low)) / (high - low)).toFixed(3)}%`;
    const height = LANE * rows.length + AROUND, marks = ticks(low, high);
    const entries = lines.flatMap(([scope, scores], number) => {
      const svg = drawn("svg", { height }, ...marks.map((tick) => drawn("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 0, y2: "100%" })));
      if (low < 0 && high > 0) svg.append(drawn("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: "100%" }));
      scores.forEach((score, lane) => score && svg.append(dot(score, scope, rows[lane], x, AROUND / 2 + LANE * (lane + 0.5))));
      const counts = [...new Set(scores.filter(Boolean).map((score) => score[5]))].sort((a, b) => a - b);
      const under = element("small", { textContent: `n = ${counts.length > 1 ? `${counts[0]}–${counts.at(-1)}` : counts[0]}` });
      return [element("div", { className: number ? "name" : "name first" }, scope, under), element("div", {}, svg)];
    });
    const axis = drawn("svg", { height: 42, "aria-hidden": "true" },
      ...marks.map((tick) => drawn("text", { x: x(tick), y: 16, "text-anchor": "middle" }, String(tick))),
      drawn("text", { x: "50%", y: 36, "text-anchor": "middle" }, title));
    const legend = element("ul", { className: "legend" }, ...rows.map((row) => element("li", {}, sign(row.look), row.label)));
    return element("div", { className: "plot" }, legend,
      element("div", { className: "rows" }, ...entries, element("div", { className: "name axis" }), element("div", { className: "axis" }, axis)));
  }

  function dot([value, interval, number, low, high, n, remarks, address], scope, row, x, y) {
    const said = `${row.label}, ${scope}: ${value} ${interval || "interval not available"}, n = ${n}${remarks.map((text) => `, ${text}`).join("")}`;
    const group = drawn("g", { class: `s${row.look}${remarks.includes(DUMB) ? " hollow" : ""}` });
    if (low !== null) group.append(drawn("line", { class: "whisker", x1: x(low), x2: x(high), y1: y, y2: y }));
    const link = drawn("a", { href: `${page(row.slug)}#${address}`, "aria-label": said }, drawn("title", {}, said),
      drawn("svg", { x: x(number), y, width: 1, height: 1 }, shape(row.look)));
    group.append(link);
    return group;
  }

  document.addEventListener("DOMContentLoaded", () => {
    at("query").addEventListener("input", offer);
    at("chooser").addEventListener("submit", (event) => {
      event.preventDefault();
      at("found").querySelector("button")?.click(); // Enter takes the first
    });
    window.addEventListener("hashchange", show);
    show();
  });
})();
