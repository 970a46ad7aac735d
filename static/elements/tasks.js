// <crm-tasks> stands around a list of things to do: in it j and k go from row to row, and a letter does what the row
// offers under it, d done, s later, l log.
customElements.define("crm-tasks", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
      const rows = [...this.querySelectorAll("li")];
      const at = rows.findIndex((row) => row.contains(event.target));
      const step = { j: 1, k: -1 }[event.key];
      const does = rows[at]?.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!step && !does) return;
      event.preventDefault();
      if (does) does.click();
      else rows[at + step]?.querySelector("a").focus();
    });
  }
});
