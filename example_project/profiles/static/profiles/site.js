/* The avatar in the header and on "My profile" changes as soon as the kit says so: after a picture
   was saved or removed without leaving the page. The event's detail is the kit's "avatar" object. */

document.body.addEventListener("avatar-changed", ({ detail }) => {
  for (const place of document.querySelectorAll("[data-own-avatar]")) {
    const size = Number(place.dataset.ownAvatar);
    const [once, twice] = [detail?.urls?.[size], detail?.urls?.[2 * size]];
    if (!once) continue;
    const image = new Image(size, size);
    image.className = "face";
    image.alt = "";
    if (twice) image.srcset = `${once} 1x, ${twice} 2x`;
    image.src = once;
    place.replaceChildren(image);
  }
});
