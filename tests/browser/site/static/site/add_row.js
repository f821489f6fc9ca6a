// As every formset on the web does it: the empty form again, with the next number in its names.
document.getElementById("add").addEventListener("click", () => {
  const total = document.getElementById("id_players-TOTAL_FORMS");
  const html = document.getElementById("empty").innerHTML.replaceAll("__prefix__", total.value);
  document.getElementById("rows").insertAdjacentHTML("beforeend", html);
  total.value = Number(total.value) + 1;
});
