"use strict";
// An HTML element with these properties, or attributes where it knows no such property, and what stands in it.
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Run a script that is not in the page yet; a promise that is kept once it has run.
function loadScript(src) {
  return new Promise((onload, onerror) => document.head.append(element("script", { src, onload, onerror })));
}
