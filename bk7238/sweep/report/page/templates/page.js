"use strict";
// A link to a point shows it in a dialog. Without this script the browser opens it in the page.
(() => {
  const dialog = document.querySelector("dialog");
  let shown = null;

  const show = (article) => {
    const copy = article.cloneNode(true);
    copy.removeAttribute("id");
    dialog.querySelector("div").replaceChildren(copy);
    dialog.querySelector("[value=previous]").disabled = !sibling(article, -1);
    dialog.querySelector("[value=next]").disabled = !sibling(article, 1);
    shown = article;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };

  const sibling = (article, step) => {
    const next = step < 0 ? article.previousElementSibling : article.nextElementSibling;
    return next && next.matches("article.point") ? next : null;
  };

  const go = (step) => {
    const next = sibling(shown, step);
    if (next) show(next);
  };

  const copied = (button) => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };

  const copyCommand = (button) => {
    const code = button.parentElement.querySelector("code");
    const byHand = () => {
      getSelection().selectAllChildren(code);
      if (document.execCommand("copy")) copied(button);
    };
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => copied(button), byHand);
    else byHand();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && button.matches(".copy")) copyCommand(button);
    else if (button && button.value === "close") dialog.close();
    else if (button) go(button.value === "next" ? 1 : -1);
    if (event.target === dialog) dialog.close();
    const link = event.target.closest("a[href^='#']");
    const article = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!article || !article.matches("article.point") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(article);
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });

  // Says which operation the pointer is at.
  for (const figure of document.querySelectorAll("figure.cuts")) {
    const picture = figure.querySelector(".flash");
    const first = Number(figure.dataset.first);
    const operations = figure.dataset.operations.split(" ");
    const names = [...figure.querySelectorAll(".names span")].map((name) => name.textContent);
    const starts = names.map((name) => parseInt(name.slice(name.lastIndexOf("0x")), 16));
    const output = figure.querySelector("output");
    figure.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const at = Math.floor((operations.length * (event.clientX - box.left)) / box.width);
      const [, kind, start, size] = /^([ep])(\w+)\+(\w+)$/.exec(operations[at] || "") || [];
      if (!kind) return;
      const inside = starts.findLastIndex((begin) => begin <= parseInt(start, 16));
      const where = inside < 0 ? "" : `, in ${names[inside].slice(0, names[inside].lastIndexOf(" "))}`;
      output.textContent = `Operation ${(first + at).toLocaleString("en")}: ` +
        `${kind === "e" ? "erase" : "program"} of 0x${size} bytes at 0x${start}${where}`;
    });
  }

  document.documentElement.classList.add("script");
})();
