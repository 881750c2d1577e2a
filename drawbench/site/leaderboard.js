// The tables of the first page: filters and sorts all rows, of which only some are in the page; the address keeps the state.
"use strict";
(() => {
  const STEP = 100; // rows that are shown, and that "more" adds
  const at = (id) => document.getElementById(id);
  const categories = document.currentScript.dataset.categories.split(" ").filter(Boolean);
  const tables = [...document.querySelectorAll(".board")].map((section) => {
    const heads = [...section.querySelectorAll("thead th")];
    return {
      section, heads,
      body: section.querySelector("tbody"),
      more: section.querySelector(".more"),
      notes: section.querySelectorAll(".db-notes > li"),
      captions: JSON.parse(section.dataset.captions),
      main: heads.filter((head) => !head.dataset.block).length,
      names: [], keys: [], cells: [], others: [], sort: null, limit: STEP, found: [],
    };
  });
  const off = new Set(); // categories that are not shown
  let asked = null; // the files of categories, once they are wanted

  // ---- data

  window.drawbench = {
    rows(parts) {
      for (const [number, start, rows] of parts) {
        const table = tables[number];
        rows.forEach(([name, keys, cells], place) => {
          table.names[start + place] = name;
          table.keys[start + place] = keys;
          table.cells[start + place] = cells;
        });
      }
    },
    categories(parts) {
      for (const [number, start, rows] of parts) rows.forEach((row, place) => (tables[number].others[start + place] = row));
    },
  };

  // ---- what is shown

  const shown = (head, caption, table) =>
    !head.dataset.block || (table.captions[head.dataset.block] === caption && !off.has(head.dataset.category));

  function draw(table, caption) {
    const columns = table.heads.map((head) => shown(head, caption, table));
    table.heads.forEach((head, column) => (head.hidden = !columns[column]));
    const rows = table.found.slice(0, table.limit).map((row) => {
      const others = caption && table.others[row] ? table.others[row].filter((_, i) => columns[table.main + i]) : [];
      return `<tr>${table.cells[row]}${others.join("")}</tr>`;
    });
    table.body.innerHTML = rows.join(""); // escaped where it was made
    const marks = [...table.body.querySelectorAll("sup")].map((mark) => mark.textContent).join();
    for (const note of table.notes) note.hidden = !marks.includes(note.firstElementChild.textContent);
    const left = table.found.length - rows.length;
    table.more.hidden = left === 0;
    table.more.firstElementChild.textContent = `${rows.length.toLocaleString("en")} of ${table.found.length.toLocaleString("en")} rows`;
  }

  function order(table) {
    if (!table.sort) return;
    const [column, down] = table.sort, sign = down ? -1 : 1;
    const key = (row) => table.keys[row][column];
    table.found.sort((a, b) => {
      const one = key(a), other = key(b);
      if (one === null || other === null) return (one === null) - (other === null) || a - b;
      return sign * (one < other ? -1 : one > other ? 1 : 0) || a - b;
    });
  }

  function show() {
    const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const set = at("set").value, protocol = at("protocol").value, caption = at("by")?.value ?? "";
    let fitting = 0, all = 0;
    for (const table of tables) {
      const { section } = table;
      const wanted = (!set || section.dataset.set === set) && (!protocol || section.dataset.protocol === protocol);
      all += table.names.length;
      table.found = [];
      if (wanted) table.names.forEach((name, row) => words.every((word) => name.includes(word)) && table.found.push(row));
      section.hidden = table.found.length === 0;
      fitting += table.found.length;
      if (section.hidden) continue;
      order(table);
      draw(table, caption);
    }
    at("count").textContent = `${fitting.toLocaleString("en")} of ${all.toLocaleString("en")} results`;
    at("nothing").hidden = fitting > 0;
    at("choice").hidden = !caption;
  }

  async function showCategories() {
    if (at("by")?.value) {
      asked ??= Promise.all(categories.map((name) => loadScript(`data/${name}`)));
      await asked;
    }
    show();
  }

  // ---- sorting

  function sortBy(table, column) {
    const first = table.heads[column].dataset.best === "high";
    table.sort = table.sort?.[0] === column ? [column, !table.sort[1]] : [column, first];
    mark(table);
    show();
    remember();
  }

  function mark(table) {
    table.heads.forEach((head, column) => {
      if (table.sort?.[0] === column) head.setAttribute("aria-sort", table.sort[1] ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  // ---- the address: #q=...&set=...&protocol=...&by=...&off=...&sort=TABLE,COLUMN,DOWN

  function remember() {
    const state = new URLSearchParams();
    for (const id of ["query", "set", "protocol", "by"]) if (at(id)?.value) state.set(id, at(id).value);
    for (const category of off) state.append("off", category);
    tables.forEach((table) => table.sort && state.append("sort", [table.section.id, ...table.sort].join(",")));
    history.replaceState(null, "", `#${state}`);
  }

  function recall() {
    const hash = location.hash.slice(1);
    const state = new URLSearchParams(hash.includes("=") ? hash : "");
    for (const id of ["query", "set", "protocol", "by"]) if (at(id)) at(id).value = state.get(id) ?? "";
    for (const id of ["set", "protocol", "by"]) if (at(id) && at(id).selectedIndex < 0) at(id).value = "";
    off.clear();
    state.getAll("off").forEach((category) => off.add(category));
    for (const box of at("choice").querySelectorAll("input")) box.checked = !off.has(box.value);
    for (const table of tables) table.sort = null;
    for (const words of state.getAll("sort").map((text) => text.split(","))) {
      const table = tables.find((each) => each.section.id === words[0]);
      if (table && table.heads[words[1]]) table.sort = [Number(words[1]), words[2] === "true"];
    }
    tables.forEach(mark);
    return showCategories();
  }

  // ---- begin, once all rows are there

  function boxes() {
    const names = new Set(tables.flatMap((table) => table.heads.map((head) => head.dataset.category)).filter(Boolean));
    for (const name of names) {
      at("choice").append(element("label", {}, element("input", { type: "checkbox", checked: true, value: name }), name));
    }
  }

  document.addEventListener("DOMContentLoaded", async () => {
    boxes();
    for (const table of tables) {
      table.heads.forEach((head, column) => {
        head.append(element("button", { type: "button", onclick: () => sortBy(table, column) }, ...head.childNodes));
      });
      const more = () => {
        table.limit += STEP;
        draw(table, at("by")?.value ?? "");
      };
      table.more.append(element("button", { type: "button", textContent: `Show ${STEP} more`, onclick: more }));
    }
    const changed = () => {
      for (const table of tables) table.limit = STEP;
      remember();
      showCategories();
    };
    at("query").addEventListener("input", changed);
    for (const id of ["set", "protocol", "by"]) at(id)?.addEventListener("change", changed);
    at("choice").addEventListener("change", ({ target }) => {
      if (target.checked) off.delete(target.value);
      else off.add(target.value);
      changed();
    });
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", recall);
    at("filters").hidden = false;
    await recall();
    if (location.hash && !location.hash.includes("=")) document.querySelector(":target")?.scrollIntoView();
  });
})();
