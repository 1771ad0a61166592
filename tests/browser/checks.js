// What can be wrong with a page. Each check returns sentences; none is good. checks.py calls them by name.
({
  overflow() {
    const wide = document.documentElement.clientWidth;
    if (document.scrollingElement.scrollWidth <= wide) return [];
    const scrolls = (e) => e && e !== document.body && e !== document.documentElement &&
      (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
    const out = [...document.body.querySelectorAll("*")].filter((e) =>
      e.checkVisibility() && e.getBoundingClientRect().right > wide + 0.5 && !scrolls(e.parentElement));
    const innermost = out.filter((e) => !out.some((other) => e !== other && e.contains(other)));
    return [`the page is ${document.scrollingElement.scrollWidth} px wide, the window ${wide}: ` +
      innermost.slice(0, 8).map((e) => `${this.name(e)} ends at ${Math.round(e.getBoundingClientRect().right)}`).join("; ")];
  },

  async links() {
    const wrong = [];
    const links = [...document.querySelectorAll("a[href^='#']")].filter((a) => a.checkVisibility());
    for (const link of links) {
      const hash = link.getAttribute("href"), target = document.getElementById(decodeURIComponent(hash.slice(1)));
      if (!target) { wrong.push(`${hash} (“${link.textContent.trim()}”) leads nowhere`); continue; }
      history.replaceState(null, "", location.pathname);
      window.scrollTo(0, target.getBoundingClientRect().top > innerHeight ? 0 : document.scrollingElement.scrollHeight);
      link.click();
      for (let frame = 0; frame < 20 && location.hash !== hash; frame++) await this.frame();
      await this.frame();
      const at = target.getBoundingClientRect();
      if (!target.checkVisibility() || at.height === 0) wrong.push(`${hash} leads to what is not visible`);
      else if (at.top < -1 || at.top >= innerHeight) wrong.push(`${hash} lands ${Math.round(at.top)} px off the window`);
    }
    return wrong;
  },

  contents() {
    const listed = [...document.querySelectorAll("nav a[href^='#']")].map((a) => a.getAttribute("href"));
    return [...document.querySelectorAll("main h2[id]:not(.cover *)")].filter((h) => !listed.includes(`#${h.id}`))
      .map((h) => `“${h.textContent}” is in no contents`);
  },

  unfold() {
    const wrong = [];
    for (const fold of document.querySelectorAll("details")) {
      const summary = fold.querySelector(":scope > summary");
      if (!summary) { wrong.push(`${this.name(fold)} has no summary`); continue; }
      if (!summary.checkVisibility()) continue;
      const before = fold.offsetHeight;
      if (!fold.open) summary.click();
      if (!fold.open || (fold.offsetHeight <= before && before <= summary.offsetHeight + 1))
        wrong.push(`“${summary.textContent}” unfolds to nothing`);
    }
    return wrong;
  },

  async pictures() {
    const wrong = [];
    for (const image of document.images) {
      const loaded = await image.decode().then(() => image.naturalWidth > 0, () => false);
      if (!loaded) wrong.push(`${image.src.slice(0, 60)} does not load`);
      if (!(image.getAttribute("alt") || "").trim()) wrong.push(`${image.src.slice(0, 60)} has no alt text`);
    }
    return wrong;
  },

  // WCAG 2 AA: 4.5 to 1, or 3 to 1 for text of 24 px, or of 18.66 px and bold.
  contrast() {
    const wrong = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
      const e = node.parentElement;
      if (!node.data.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const style = getComputedStyle(e), size = parseFloat(style.fontSize), drawn = e instanceof SVGElement;
      const paper = drawn ? this.beneath(e) : this.paper(e);
      const ratio = this.ratio(this.over(this.colour(drawn ? style.fill : style.color), paper), paper);
      const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
      if (ratio < wanted) wrong.set(`${this.name(e)} has ${ratio.toFixed(2)} to 1: “${node.data.trim().slice(0, 30)}”`);
    }
    return [...wrong.keys()];
  },

  print() {
    const wrong = [...document.querySelectorAll("nav")].filter((nav) => nav.checkVisibility())
      .map((nav) => `${this.name(nav)} is printed`);
    for (const fold of document.querySelectorAll("details:not(:has(nav))"))
      if (![...fold.querySelectorAll(":scope > :not(summary, button)")].every((part) => part.checkVisibility() && part.offsetHeight))
        wrong.push(`“${fold.querySelector("summary")?.textContent}” is printed folded`);
    return wrong;
  },

  name(e) {
    const classes = [...e.classList].map((c) => `.${c}`).join("");
    return `<${e.localName}${e.id ? `#${e.id}` : ""}${classes}>`;
  },
  frame: () => new Promise((next) => requestAnimationFrame(next)),
  colour(text) {
    const parts = text.match(/^rgba?\(([^)]*)\)$/);
    if (!parts) throw new Error(`a colour that the check cannot read: ${text}`);
    const [r, g, b, a = 1] = parts[1].split(/[\s,/]+/).map(Number);
    return { r, g, b, a };
  },
  over(top, below) {
    const mix = (c) => top[c] * top.a + below[c] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  },
  paper(e) {
    if (!e) return matchMedia("(prefers-color-scheme: dark) and (not print)").matches
      ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
    const own = this.colour(getComputedStyle(e).backgroundColor);
    return own.a === 1 ? own : this.over(own, this.paper(e.parentElement));
  },
  beneath(text) {
    text.scrollIntoView({ block: "center" });
    const box = text.getBoundingClientRect();
    const shapes = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2).filter((e) =>
      e instanceof SVGGeometryElement && getComputedStyle(e).fill.startsWith("rgb"));
    const fill = shapes.map((e) => this.colour(getComputedStyle(e).fill)).find((c) => c.a > 0);
    const page = this.paper(text.ownerSVGElement.parentElement);
    return fill ? this.over(fill, page) : page;
  },
  ratio(one, other) {
    const light = ({ r, g, b }) => [r, g, b].map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  },
})
