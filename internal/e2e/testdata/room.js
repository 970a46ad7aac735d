// Functions of TestTextHasRoom. Names and other data may end in an ellipsis; what the site itself says may not.
(() => {
  const texts = (root) => {
    const found = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (walker.currentNode.data.trim()) found.push(walker.currentNode);
    return found;
  };

  // Each word of a sentence of the catalogue gets longer by 40 %, as in languages that say the same at length.
  const lengthen = (text) => text.replace(/\p{L}{2,}/gu, (word) => word + word.toLowerCase().slice(0, Math.ceil(word.length * 0.4)));
  window.lengthenSentences = (sentences) => {
    const plain = new Set(sentences);
    const filled = sentences.filter((s) => s.includes("%") && s.replace(/%\S*/g, "").match(/\p{L}{3}/u))
      .map((s) => new RegExp("^" + s.split(/%(?:\[\d\])?[sd]/).map((part) => RegExp.escape(part)).join(".+") + "$", "u"));
    const said = (text) => plain.has(text) || filled.some((f) => f.test(text));
    let count = 0;
    const longer = (text) => {
      const trimmed = text.trim();
      if (!said(trimmed)) return text;
      count++;
      return text.replace(trimmed, () => lengthen(trimmed));
    };
    for (const node of texts(document.body)) node.data = longer(node.data);
    for (const e of document.querySelectorAll("[data-label]")) e.dataset.label = longer(e.dataset.label);
    return count;
  };

  const name = (e) => `${e.tagName.toLowerCase()}${e.className && typeof e.className === "string" ? "." + e.className.replaceAll(" ", ".") : ""}`;
  const controls = "button, .btn, summary, .seg > *, .chip, .tag, .disc, .badge, .nav, .tabs a, th";
  const outside = (r, box) => r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1;
  const floats = (e) => { for (; e; e = e.parentElement) if (/fixed|sticky/.test(getComputedStyle(e).position)) return true; return false; };

  const hidden = (e) => { for (; e; e = e.parentElement) if (getComputedStyle(e).clipPath !== "none") return true; return false; }; // from eyes alone

  // cramped lists texts that are cut off, stick out of their control, or lie on one another.
  window.cramped = () => {
    const faults = [], lines = [];
    for (const node of texts(document.body)) {
      const e = node.parentElement;
      if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("option, textarea, script, template, .sr, .drawings, svg")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const rects = [...range.getClientRects()].filter((r) => r.width > 1);
      const said = `“${node.data.trim().slice(0, 40)}” in ${name(e)}`;
      const control = e.closest(controls);
      if (hidden(e)) continue;
      if (control && rects.some((r) => outside(r, control.getBoundingClientRect())) && !e.closest(".clip")) faults.push(`${said} sticks out of ${name(control)}`);
      let cut = "";
      for (let a = e; a !== document.body && a; a = a.parentElement) {
        const style = getComputedStyle(a);
        if (style.overflowX === "visible" || /auto|scroll/.test(style.overflowX + style.overflowY)) continue;
        const shortens = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
        if (rects.some((r) => outside(r, a.getBoundingClientRect())) && (!shortens || control && !e.closest(".clip"))) cut ||= `${said} is cut off by ${name(a)}`;
      }
      if (cut) faults.push(cut);
      const shortened = e.closest(".clip, .clip-2, .said, [data-disc], td");
      if (!floats(e)) for (const r of rects) lines.push({ e, said, shortened, left: r.left + 1, right: r.right - 1, top: r.top + r.height * 0.2, bottom: r.bottom - r.height * 0.2 });
    }
    lines.sort((a, b) => a.top - b.top);
    for (let i = 0; i < lines.length; i++) {
      for (let j = i + 1; j < lines.length && lines[j].top < lines[i].bottom; j++) {
        const [a, b] = [lines[i], lines[j]];
        if (a.e !== b.e && a.left < b.right && b.left < a.right && !a.shortened && !b.shortened) faults.push(`${a.said} and ${b.said} lie on one another`);
      }
    }
    return [...new Set(faults)].slice(0, 12);
  };
})();
