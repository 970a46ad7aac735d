// <crm-rows> stands around a list whose rows are picked by boxes: with Shift a click on a box does the same to every
// row from the box that was clicked before.
customElements.define("crm-rows", class extends HTMLElement {
  #last = null;

  connectedCallback() {
    this.addEventListener("click", (event) => {
      const box = event.target.closest('[name="id"]');
      if (!box) return;
      const boxes = [...this.querySelectorAll('[name="id"]')];
      const ends = [boxes.indexOf(this.#last), boxes.indexOf(box)];
      if (event.shiftKey && ends[0] >= 0) {
        for (const between of boxes.slice(Math.min(...ends), Math.max(...ends))) between.checked = box.checked;
      }
      this.#last = box;
    });
  }
});
