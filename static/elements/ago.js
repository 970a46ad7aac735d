// <crm-ago> keeps true what the server said of the last hours, "12 minutes ago", in its words.
customElements.define("crm-ago", class extends HTMLElement {
  connectedCallback() { setInterval(() => this.refresh(), 60e3); }

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
