// Around every page: its language, the focus where reading goes on, and a word when nothing comes.
// Pages name themselves and their language: <div data-page="consent" data-lang="en">, before all else of theirs.

const texts = document.currentScript.dataset;
const PATIENCE = 10; // seconds with Streamlit's own script running and no page from the server
const LOADING = 6; // while that script still loads, seconds count so many times less
let page = null;
let headline; // of this page; of the page before as long as the next one's is not there
let turned = false; // the next page is here, its heading is not yet
let notice = null;
let waited = 0;

const watch = setInterval(() => {
  waited += document.getElementById("root").childElementCount ? 1 : 1 / LOADING;
  if (waited >= PATIENCE && !notice) notice = speakUp();
}, 1000);

new MutationObserver(follow).observe(document.body, {
  childList: true,
  characterData: true,
  subtree: true,
  attributeFilter: ["data-page", "data-lang"],
});

function follow() {
  const marker = document.querySelector("[data-page]");
  if (!marker) return;
  clearInterval(watch);
  notice?.remove();
  notice = null;
  if (document.documentElement.lang !== marker.dataset.lang) document.documentElement.lang = marker.dataset.lang;
  const heading = document.querySelector("h1");
  if (page !== null && page !== marker.dataset.page) turned = true;
  page = marker.dataset.page;
  if (turned && heading && heading.textContent !== headline) {
    turned = false;
    heading.tabIndex = -1;
    heading.style.outline = "none";
    heading.focus();
  }
  if (!turned) headline = heading?.textContent;
}

function speakUp() {
  const box = document.createElement("div");
  box.setAttribute("role", "alert");
  box.style.cssText =
    "position: fixed; z-index: 2000000; inset: 0; display: grid; place-content: center; padding: 1.5rem; " +
    "color-scheme: light dark; color: light-dark(#1f2933, #f2f4f7); background: light-dark(#fff, #101216); " +
    "font: 1rem/1.5 system-ui, sans-serif; overflow: auto;";
  const heading = document.createElement("h1");
  heading.textContent = texts.heading;
  heading.style.cssText = "max-width: 40rem; margin: 0 0 0.8rem; font-size: 1.6rem; line-height: 1.25;";
  const text = document.createElement("p");
  text.textContent = texts.blocked;
  text.style.cssText = "max-width: 40rem; margin: 0 0 1.2rem;";
  const again = document.createElement("button");
  again.textContent = texts.again;
  again.style.cssText =
    "justify-self: start; padding: 0.6rem 1.2rem; border: 0; border-radius: 8px; font: 600 1rem system-ui, sans-serif; " +
    "color: #fff; background: #1d55b8; cursor: pointer;";
  again.addEventListener("click", () => location.reload());
  box.append(heading, text, again);
  document.body.append(box);
  return box;
}
