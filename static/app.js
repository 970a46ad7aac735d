// Everything works without this file; it only removes waiting and reaching for the mouse.

const field = "input, textarea, select, [contenteditable]";

// Ctrl/⌘+Enter sends the form one is writing in; "/" goes to the search box; Escape closes an open menu.
document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.form?.method === "post") {
    event.preventDefault();
    target.form.requestSubmit();
  } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !target.closest(field)) {
    const boxes = [...document.querySelectorAll("[data-find]")];
    const box = boxes.filter((e) => e.checkVisibility()).at(-1); // the page's own, else the rail's
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  } else if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    }
  }
});

// A click elsewhere closes an open menu.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A form goes out once. The server knows a second copy by its token; this only says so sooner. A download leaves its
// page where it is, to be asked for again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.submitter?.hasAttribute("data-stays")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A password is shown and hidden again by the button below it, and hidden when it is sent: browsers keep what
// was typed into a text field.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const words = [button.textContent, button.dataset.reveal];
  const turn = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = words[Number(shown)];
    button.setAttribute("aria-pressed", String(shown));
  };
  button.hidden = false;
  button.addEventListener("click", () => turn(input.type === "password"));
  input.form.addEventListener("submit", () => turn(false));
}

// A toast goes at a click, without loading the page again.
document.querySelector("[data-dismiss]")?.addEventListener("click", (event) => {
  event.preventDefault();
  event.currentTarget.closest(".toast").remove();
});

// With Shift a click on a row's box does the same to every row from the box that was clicked before.
const boxes = [...document.querySelectorAll('[name="id"][form="selection"]')];
let last = -1;
for (const [n, box] of boxes.entries()) {
  box.addEventListener("click", (event) => {
    if (event.shiftKey && last >= 0) {
      for (const between of boxes.slice(Math.min(last, n), Math.max(last, n))) between.checked = box.checked;
    }
    last = n;
  });
}

// A page that waits for something looks again by itself.
const again = document.querySelector("[data-refresh]");
if (again) setTimeout(() => location.replace(again.href), 2000);
