// <crm-toast> goes at a click on its cross, without loading the page again.
customElements.define("crm-toast", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      if (!event.target.closest("[data-dismiss]")) return;
      event.preventDefault();
      event.stopPropagation();
      this.replaceChildren();
    }, true);
  }
});
