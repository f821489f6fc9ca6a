// As the documentation shows it: the avatar in the header changes with the one in the row.
document.addEventListener("avatar-changed", (event) => {
  const face = document.getElementById("face");
  if (!face) return;
  face.src = event.detail.src;
  face.srcset = event.detail.srcset;
});
