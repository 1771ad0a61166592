// What the page can do besides: it reads the same without.
const contents = document.querySelector(".side");
const links = new Map([...contents.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));

// The contents follow the reader.
const heads = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
const follow = () => {
  const here = heads.filter((head) => head.checkVisibility() && head.getBoundingClientRect().top < innerHeight / 3).pop();
  for (const link of links.values()) link.removeAttribute("aria-current");
  if (!here) return;
  const link = links.get(here.id);
  link.setAttribute("aria-current", "true");
  const top = link.offsetTop - contents.clientHeight / 2;
  if (Math.abs(contents.scrollTop - top) > contents.clientHeight / 3) contents.scrollTop = top;
};
addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });
follow();

// Search within the contents.
const search = Object.assign(document.createElement("input"), { type: "search", id: "search" });
search.setAttribute("aria-label", "Search the contents");
search.setAttribute("placeholder", "Search the contents");
search.addEventListener("input", () => {
  const words = search.value.toLowerCase();
  for (const item of contents.querySelectorAll("li"))
    item.hidden = !item.textContent.toLowerCase().includes(words);
});
contents.querySelector(".brand").after(search);

// Show all code, or none.
const button = (name, action) => {
  const made = Object.assign(document.createElement("button"), { type: "button", className: name, onclick: action });
  made.setAttribute("aria-label", name.replace("-", " "));
  return made;
};
const code = [...document.querySelectorAll("details.code, details.listing")];
search.after(button("show-code", (event) => {
  const open = event.target.toggleAttribute("data-open");
  for (const fold of code) fold.open = open;
}));

// A figure that is smaller than it was drawn, as on a phone, grows to its own size and back.
for (const picture of document.querySelectorAll("figure.picture img"))
  picture.decode().then(() => {
    if (picture.naturalWidth <= picture.clientWidth + 1) return;
    picture.dataset.size = "fitted";
    picture.onclick = () => { picture.dataset.size = picture.dataset.size === "own" ? "fitted" : "own"; };
  });

// Copy a listing.
for (const lines of document.querySelectorAll("details.code > pre, details.listing > pre"))
  lines.before(button("copy", () => navigator.clipboard.writeText(lines.textContent)));
