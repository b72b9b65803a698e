(() => {
  "use strict";
  document.documentElement.classList.add("scripted");
  const status = document.getElementById("status");

  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // not there, or not allowed: what browsers had before
    }
    const area = document.createElement("textarea");
    area.className = "aside";
    area.readOnly = true;
    area.value = text;
    document.body.append(area);
    area.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } catch {
      // the reader copies the selection
    }
    area.remove();
    return done;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copies]");
    if (!button || button.dataset.label) return;
    const source = document.getElementById(button.dataset.copies);
    const done = await copied(source.textContent);
    button.focus();
    if (!done) getSelection().selectAllChildren(source);
    button.dataset.label = button.textContent;
    button.textContent = done ? "Copied" : "Selected: now copy";
    status.textContent = done ? "Copied to the clipboard" : "The text is selected: copy it";
    setTimeout(() => {
      button.textContent = button.dataset.label;
      delete button.dataset.label;
      status.textContent = "";
    }, 3000);
  });
})();
