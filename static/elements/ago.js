// <crm-ago> keeps true what the server said of the last hours, "12 minutes ago", in its words, and tells the exact time,
// in the reader's own zone, where the pointer rests.
customElements.define("crm-ago", class extends HTMLElement {
  connectedCallback() {
    setInterval(() => this.refresh(), 60e3);
    document.addEventListener("pointerover", ({ target }) => target.matches("time[datetime*=T]:not([title])") && this.#tell(target));
  }

  #tell(time) {
    const { lang } = document.documentElement;
    time.title = new Date(time.dateTime).toLocaleString(lang === "en" ? "en-GB" : lang, { timeZone: this.dataset.zone, dateStyle: "medium", timeStyle: "short" });
  }

  refresh() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const at = new Date(time.dateTime);
      const minutes = Math.floor((Date.now() - at) / 60e3);
      if (minutes < 0 || at.toDateString() !== new Date().toDateString()) continue; // "yesterday" is the server's to say
      const [n, unit] = minutes < 60 ? [minutes, "minute"] : [Math.floor(minutes / 60), "hour"];
      time.textContent = n === 0 ? this.dataset.now : n === 1 ? this.dataset[unit] : this.dataset[unit + "s"].replace("%", n);
    }
  }
});
