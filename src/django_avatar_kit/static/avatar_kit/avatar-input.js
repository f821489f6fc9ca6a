// The custom element <avatar-input>: choose, move and zoom, replace, remove, undo. It works on the
// HTML of the widget's template, in any form: what is sent stays in the inputs that are there.
// For strict policies: positions are set through the CSSOM, and the preview is a blob: URL.

// --- files: the server's checks, and a smaller copy ---

const HEAD_BYTES = 4096; // as uploads/intake.py
const SMALL_FILE = 256 * 1024; // bytes: below, a smaller copy is not worth the waiting
const QUALITY = 0.85; // of the copy, which the server encodes once more
const AROUND = 2; // of a large picture, so many times the width of the chosen square are sent
const STILL_MS = 400; // the picture has come to rest

const fill = (text, values) =>
  text.replace(/%\((\w+)\)s|%%/g, (match, name) => (name ? values[name] : "%"));

function sizeText(bytes, texts) {
  let unit = -1;
  do {
    bytes /= 1024;
    unit += 1;
  } while (bytes >= 1024 && unit < 2);
  const number = bytes.toFixed(1).replace(".", texts.separator);
  return texts.units[unit].replace("%s", number).replace(" ", "\u00a0");
}

const megapixels = (pixels, texts) =>
  String(Number((pixels / 1e6).toPrecision(3))).replace(".", texts.separator);

// As the server shows it: short, and without characters that turn or break the sentence.
function shownName({ name }) {
  const characters = Array.from(name.replace(/(?! )[\p{C}\p{Z}]/gu, "").trim());
  if (characters.length <= 60) return characters.join("");
  return `${characters.slice(0, 29).join("")}…${characters.slice(-29).join("")}`;
}

// The format by content: whoever names a file may call it anything.
function recognised(content, formats) {
  const bytes = new Uint8Array(content, 0, Math.min(HEAD_BYTES, content.byteLength));
  const head = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const format = formats.find(({ pattern }) => new RegExp(`^(?:${pattern})`, "s").test(head));
  return format || { svg: /<(\w+:)?svg[\s>/]/.test(head.replaceAll("\0", "")) };
}

// What is wrong with a file, in the server's words; or its format, and a copy in memory, since the
// disk may change before it is sent.
async function checked(file, limits, texts) {
  const filename = shownName(file);
  const refuse = (text, values) => ({ error: fill(text, { filename, ...texts, ...values }) });
  if (!file.size) return refuse(texts.empty);
  if (file.size > limits.bytes) {
    return refuse(texts.tooLarge, { size_text: sizeText(file.size, texts) });
  }
  const content = await file.arrayBuffer().catch(() => null);
  if (!content) return refuse(texts.unreadable);
  const format = recognised(content, limits.formats);
  if (format.svg) return refuse(texts.svg);
  if (!format.label) return refuse(texts.notAnImage);
  if (!format.allowed) return refuse(texts.unsupported, { format: format.label });
  const { type, lastModified } = file;
  const copy = new File([content], file.name, { type, lastModified });
  if (format.type === "image/jpeg") return { format, copy };
  return { format, copy, moves: mayMove(content, format.type), turned: hasExif(content) };
}

// Whether a GIF, PNG or WebP may have several frames, of which a canvas would keep one.
function mayMove(content, type) {
  return type === "image/gif" || /acTL|ANMF/.test(new TextDecoder("latin1").decode(content));
}

// The first frame, at most `side` px wide and high. Not as a URL: of another origin, it is only shown.
function firstFrame(image, side) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// Whether a PNG or WebP may say how it is turned. Not all heed that, so what was shown is sent.
function hasExif(content) {
  return /EXIF|eXIf/.test(new TextDecoder("latin1").decode(content));
}

function loaded(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("The browser cannot decode it."));
    image.src = url;
  });
}

async function painted(picture) {
  await picture.decode?.().catch(() => null);
  await new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve, 50));
  });
}

// Against fingerprinting, some browsers give noise instead of what was drawn.
function drawsTrue(context) {
  context.fillStyle = "#123456";
  context.fillRect(0, 0, 2, 2);
  const data = context.getImageData(0, 0, 2, 2).data;
  return [0, 4, 8, 12].every((at) => data[at] === 18 && data[at + 1] === 52 && data[at + 2] === 86);
}

// What is sent of a picture: all of it.
const whole = (width, height) => ({ area: [0, 0, width, height], width, height });

// A copy of an `area` of `image` (x, y, width, height) at `width` × `height` px, upright; null where
// the file is better sent as it is.
async function smaller(image, file, { area, width, height, type, allowed, always }) {
  let source = image;
  let [x, y, w, h] = area;
  let canvas;
  // In halves: some browsers skip pixels when they shrink by more than that.
  do {
    const from = [w, h];
    [w, h] = [Math.max(width, Math.ceil(w / 2)), Math.max(height, Math.ceil(h / 2))];
    const [across, down] = [w / from[0], h / from[1]];
    canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [w, h];
    const context = canvas.getContext("2d");
    if (!context || (source === image && !drawsTrue(context))) return null;
    context.clearRect(0, 0, w, h);
    context.imageSmoothingQuality = "high";
    // All of it, of which the canvas shows the area: browsers differ on parts of a turned JPEG.
    const rest = [source.width * across, source.height * down];
    context.drawImage(source, -x * across, -y * down, ...rest);
    [source, x, y] = [canvas, 0, 0];
  } while (w > width || h > height);
  // Of the others, any may be transparent.
  const wanted = type === "image/jpeg" ? type : "image/webp";
  const blob = await new Promise((resolve) => {
    canvas.toBlob(resolve, wanted, always ? 1 : QUALITY);
  });
  if (!blob || !allowed.includes(blob.type)) return null;
  if (blob.size >= file.size && !always) return null;
  return new File([blob], file.name, { type: blob.type, lastModified: file.lastModified });
}

// --- crop: the square that is shown, in numbers ---

// A square of `side` px at (x, y) of a picture of width × height px; it never leaves the picture.
class Crop {
  constructor(width, height) {
    Object.assign(this, { width, height });
    this.largest = Math.min(width, height);
    // Half a pixel of 160 px is less than one of a rendition of 256 px.
    this.smallest = Math.min(this.largest, Math.max(160, this.largest / 10));
    this.side = this.largest;
    this.x = (width - this.side) / 2;
    // A portrait from its top, where heads are; as geometry.selection() on the server.
    this.y = 0;
  }

  moveTo(x, y) {
    this.x = Math.min(Math.max(x, 0), this.width - this.side);
    this.y = Math.min(Math.max(y, 0), this.height - this.side);
  }

  // What is at (u, v), as parts of the side, stays there.
  zoomTo(side, u = 0.5, v = 0.5) {
    const next = Math.min(Math.max(side, this.smallest), this.largest);
    const [x, y] = [this.x + (this.side - next) * u, this.y + (this.side - next) * v];
    this.side = next;
    this.moveTo(x, y);
  }

  // 0 for the whole, 100 for the smallest square; each step enlarges by the same factor.
  get zoom() {
    const range = Math.log(this.largest / this.smallest);
    return range ? (100 * Math.log(this.largest / this.side)) / range : 0;
  }

  set zoom(value) {
    this.zoomTo(this.largest * (this.smallest / this.largest) ** (value / 100));
  }

  // The square and what is around it, at most `side` px wide and high.
  surroundings(side) {
    const [width, height] = [this.width, this.height].map((px) => Math.min(px, Math.ceil(side)));
    const start = (from, part, all) =>
      Math.round(Math.min(Math.max(from + (this.side - part) / 2, 0), all - part));
    return [start(this.x, width, this.width), start(this.y, height, this.height), width, height];
  }

  isIn([x, y, width, height]) {
    const [right, bottom] = [this.x + this.side, this.y + this.side].map(Math.round);
    return this.x >= x && this.y >= y && right <= x + width && bottom <= y + height;
  }

  // As the form sends it, for a copy of `width` × `height` px of an area of the picture.
  text({ area, width, height }) {
    // Apart, since whole px of a narrow side tell little of the scale.
    const [across, down] = [width / area[2], height / area[3]];
    const scale = width > height ? across : down;
    const side = Math.max(1, Math.min(Math.round(this.side * scale), width, height));
    // Around the same middle: so no edge is off by more than three quarters of a px.
    const start = (from, by, end) =>
      Math.max(0, Math.min(Math.round((from + this.side / 2) * by - side / 2), end - side));
    const x = start(this.x - area[0], across, width);
    const y = start(this.y - area[1], down, height);
    return [x, y, side, side, width, height].join(",");
  }
}

// --- element ---

const KEYS = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  "+": "in",
  "=": "in",
  "-": "out",
  _: "out",
};
// The picture moves with the arrow, so the square goes the other way.
const MOVES = { left: [1, 0], right: [-1, 0], up: [0, 1], down: [0, -1] };

class AvatarInput extends HTMLElement {
  constructor() {
    super();
    for (const type of ["click", "input", "change", "dragenter", "dragover", "dragleave", "drop"]) {
      this.addEventListener(type, this);
    }
  }

  // Also of a copy, as a formset makes one, and of what was inserted later.
  connectedCallback() {
    // Later, since whoever inserts it may still be adding its children, or renaming them.
    queueMicrotask(() => this.start());
  }

  disconnectedCallback() {
    this.release();
    this.stop?.abort();
    this.observer?.disconnect();
  }

  part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  action(name) {
    return this.querySelector(`[data-action="${name}"]`);
  }

  start() {
    this.input = this.querySelector('input[type="file"]');
    if (!this.input || !this.isConnected) return;
    this.limits = JSON.parse(this.dataset.limits);
    this.texts = JSON.parse(this.dataset.texts);
    this.master = JSON.parse(this.dataset.master);
    this.clear = this.querySelector('[data-part="clear"] input');
    this.stop?.abort();
    this.stop = new AbortController();
    const { signal } = this.stop;
    const stage = this.part("stage");
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel", "keydown"]) {
      stage.addEventListener(type, this, { signal });
    }
    stage.addEventListener("wheel", this, { signal, passive: false });
    this.input.form?.addEventListener("reset", () => this.undo(false), { signal });
    // Also shown later, as in a tab of the page.
    this.observer?.disconnect();
    this.observer = new ResizeObserver(() => this.crop && this.draw());
    this.observer.observe(stage);
    this.pointers = new Map();
    this.classList.add("avatar-kit-ready");
    this.identify();
    for (const name of ["choose", "ways"]) this.part(name).hidden = false;
    if (this.clear) this.part("clear").hidden = true;
    const sent = this.part("crop").getAttribute("value");
    const removed = this.clear?.checked;
    // Kept over a reload; or chosen before the element was moved in the page.
    const moved = this.file && this.input.files[0] === this.sent.file;
    const kept = moved ? [this.file] : [...this.input.files];
    this.reset();
    if (kept.length) this.choose(kept);
    else if (removed) this.clearPicture(false);
    else if (sent && this.master) this.adjust(sent);
  }

  // Ids of a copy: a formset renames those of inputs and labels only.
  identify() {
    const hint = this.querySelector(".avatar-kit-hint");
    const { id, labels } = this.input;
    const others = (this.input.getAttribute("aria-describedby") || "")
      .split(/\s+/)
      .filter((each) => each && !each.endsWith("_hint") && document.getElementById(each));
    hint.id = `${id}_hint`;
    this.input.setAttribute("aria-describedby", [...others, hint.id].join(" "));
    const choose = this.part("choose");
    choose.id = `${id}_choose`;
    const named = Array.from(labels || [], (label, at) => {
      label.id ||= `${id}_label${at || ""}`;
      return label.id;
    });
    this.input.setAttribute("aria-labelledby", [...named, choose.id].join(" "));
  }

  // --- states: at rest, chosen, adjusting, removed ---

  reset() {
    this.release();
    this.file = this.crop = this.image = null;
    this.state = "rest";
    this.input.value = "";
    this.part("crop").value = "";
    if (this.clear) this.clear.checked = false;
    this.part("small")?.remove();
    this.part("large")?.remove();
    this.say("error", "");
    this.show();
  }

  release() {
    clearTimeout(this.timer);
    this.work = null;
    this.choosing = null;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  show() {
    const { state } = this;
    const usable = !this.input.disabled;
    const previewed = Boolean(this.image);
    const hide = (element, hidden) => {
      if (element) element.hidden = hidden;
    };
    this.dataset.state = state;
    hide(this.part("current"), previewed);
    hide(this.part("preview"), !previewed);
    hide(this.part("editor"), !this.crop);
    hide(this.action("camera"), !usable || !matchMedia("(pointer: coarse)").matches);
    const adjustable = this.master && this.limits.crop && state === "rest";
    hide(this.action("adjust"), !usable || !adjustable);
    hide(this.action("remove"), !usable || state !== "rest");
    hide(this.action("undo"), !usable || state === "rest");
    const { choose, another } = this.texts;
    const again = this.clear || state === "chosen";
    this.part("choose").textContent = again ? another : choose;
    if (this.crop) this.draw();
  }

  choose(files) {
    if (this.input.disabled || !files.length) return;
    const choosing = {};
    this.choosing = choosing;
    choosing.done = this.take(files, choosing).finally(() => {
      if (this.choosing === choosing) this.choosing = null;
    });
  }

  // False where it is refused.
  async take(files, choosing) {
    const { texts, limits } = this;
    this.say("error", "");
    const several = files.length > 1 && { error: texts.several };
    const { error, format, copy, moves, turned } = several || (await checked(files[0], limits, texts));
    if (this.choosing !== choosing) return;
    const file = copy || files[0];
    const url = URL.createObjectURL(file);
    const image = error ? null : await loaded(url).catch(() => null);
    if (this.choosing !== choosing) {
      URL.revokeObjectURL(url);
      return;
    }
    const [width, height] = [image?.naturalWidth, image?.naturalHeight];
    const pixels = image && width * height > limits.pixels;
    if (error || pixels) {
      URL.revokeObjectURL(url);
      const values = { width, height, megapixels: megapixels(width * height, texts) };
      const filename = shownName(file);
      this.refuse(error || fill(texts.tooManyPixels, { filename, ...texts, ...values }));
      return false;
    }
    this.reset();
    this.input.removeAttribute("aria-invalid");
    const old = document.getElementById(`${this.input.id}_error`);
    if (old) old.hidden = true;
    Object.assign(this, { file, url, image, type: format.type, moves, turned, state: "chosen" });
    this.put({ file, ...whole(width, height) });
    const values = { filename: shownName(file) };
    if (!image) {
      this.say("status", fill(texts.noPreview, values));
    } else {
      this.picture("small", "preview");
      this.say("status", fill(limits.crop ? texts.chosen : texts.chosenWhole, values));
    }
    if (image && limits.crop) {
      this.picture("large", "stage");
      this.crop = new Crop(width, height);
    }
    this.touched = false;
    this.show();
    if (image) this.prepare(painted(this.part("small")));
    return true;
  }

  // Before the form is sent; false where what was chosen last is refused.
  async ready() {
    const taken = await this.choosing?.done;
    await this.work?.run();
    return taken !== false;
  }

  // The choice that was there before stays.
  refuse(message) {
    if (this.file) this.put(this.sent);
    else this.input.value = "";
    this.say("error", message);
    this.input.focus();
  }

  put(sent) {
    this.sent = sent;
    const { file } = sent;
    if (this.input.files[0] !== file) {
      const transfer = new DataTransfer();
      transfer.items.add(file);
      this.input.files = transfer.files;
    }
    this.note();
  }

  // What is sent is always the crop of the very file that is in the input.
  note() {
    const crop = this.part("crop");
    if (this.state === "adjusting") {
      const [width, height] = this.master.size;
      crop.value = `${this.crop.text(whole(width, height))},${this.master.token}`;
    } else if (!this.crop || !this.touched) {
      // The server takes the same square.
      crop.value = "";
    } else if (this.crop.isIn(this.sent.area)) {
      crop.value = this.crop.text(this.sent);
    } else {
      this.put({ file: this.file, ...whole(this.crop.width, this.crop.height) });
    }
  }

  // A large photo is sent in no more pixels than the server keeps; of an enlarged one, what is near
  // the chosen square, in as many as the largest rendition has. Not before `ready`, unless the form is
  // sent: the browser would rather draw.
  prepare(ready) {
    const { file, image, moves, limits } = this;
    if (!image || !file || (moves && limits.animated) || (file.size < SMALL_FILE && !this.turned)) return;
    const work = {};
    work.run = () => {
      work.done ||= this.shrink(work);
      return work.done;
    };
    this.work = work;
    ready.then(() => this.work === work && work.run());
  }

  async shrink(work) {
    const { file, image, crop, limits, turned } = this;
    const all = whole(image.naturalWidth, image.naturalHeight);
    const side = crop ? crop.side : Math.min(all.width, all.height);
    const long = Math.max(all.width, all.height);
    const scale = Math.min(1, Math.max(limits.master / long, limits.rendition / side));
    const reach = Math.max(limits.master / scale, AROUND * side);
    const enlarged = crop && side < crop.largest && !turned;
    const area =
      enlarged && all.width * all.height > reach ** 2 ? crop.surroundings(reach) : all.area;
    const [width, height] = area.slice(2).map((px) => Math.max(1, Math.round(px * scale)));
    const what = { area, width, height };
    const { sent } = this;
    const other = String([area, width, height]) !== String([sent.area, sent.width, sent.height]);
    if (other || (turned && sent.file === file)) {
      const allowed = limits.formats.filter((each) => each.allowed).map((each) => each.type);
      const wanted = { ...what, type: this.type, allowed, always: turned };
      const copy = await smaller(image, file, wanted).catch(() => null);
      // Something else may have been chosen meanwhile.
      if (this.work !== work) return;
      this.put(copy ? { file: copy, ...what } : { file, ...all });
    }
    this.work = null;
  }

  adjust(text = "") {
    const { master } = this;
    this.reset();
    const choosing = {};
    this.choosing = choosing;
    loaded(master.url).then(
      (image) => {
        if (this.choosing !== choosing) return;
        this.state = "adjusting";
        this.image = image;
        this.crop = new Crop(...master.size);
        const [x, y, side] = text ? text.split(",").map(Number) : master.box;
        this.crop.zoomTo(side);
        this.crop.moveTo(x, y);
        // Nothing tells whether the stored picture moves. Where that is allowed, it may.
        this.moves = this.limits.animated;
        this.picture("small", "preview");
        this.picture("large", "stage");
        if (text) this.note();
        this.show();
        this.say("status", this.texts.adjusting);
        if (!text) this.part("stage").focus();
      },
      () => {
        if (this.choosing === choosing) this.say("error", this.texts.noMaster);
      },
    );
  }

  // Not remove(), by which scripts take an element out of the page.
  clearPicture(focus = true) {
    this.reset();
    this.state = "removed";
    this.clear.checked = true;
    this.show();
    this.say("status", this.texts.removed);
    if (focus) this.action("undo").focus();
  }

  undo(focus = true) {
    this.reset();
    this.say("status", this.texts.undone);
    if (focus) this.input.focus();
  }

  // A telephone offers its camera at once if the input asks for it.
  photograph() {
    this.input.setAttribute("capture", "user");
    this.input.click();
    this.input.removeAttribute("capture");
  }

  // What is chosen or adjusted. Not in the template, where it would have no source.
  picture(name, around) {
    const { image, moves, limits } = this;
    const moving = limits.animated && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const shown =
      moves && !moving
        ? firstFrame(image, limits.master)
        : Object.assign(new Image(), { src: image.src, alt: "", draggable: false });
    shown.dataset.part = name;
    this.part(around).prepend(shown);
  }

  say(where, text) {
    const element = this.part(where);
    if (where === "error" && text) {
      this.say("status", "");
      this.input.setAttribute("aria-invalid", "true");
    }
    element.textContent = text;
  }

  // --- the crop, seen and changed ---

  draw() {
    const { crop } = this;
    for (const name of ["large", "small"]) {
      const image = this.part(name);
      const scale = image.parentElement.clientWidth / crop.side;
      image.style.width = `${crop.width * scale}px`;
      image.style.height = `${crop.height * scale}px`;
      image.style.transform = `translate(${-crop.x * scale}px, ${-crop.y * scale}px)`;
    }
    const zoom = this.part("zoom");
    const percent = Math.round((100 * crop.largest) / crop.side);
    zoom.value = crop.zoom;
    zoom.setAttribute("aria-valuetext", fill(this.texts.zoom, { zoom: percent }));
  }

  changed(announce = false) {
    this.touched = true;
    this.draw();
    this.note();
    clearTimeout(this.timer);
    clearTimeout(this.announcing);
    if (this.state === "chosen") {
      this.prepare(
        new Promise((still) => {
          this.timer = setTimeout(still, STILL_MS);
        }),
      );
    }
    if (announce) this.announcing = setTimeout(() => this.announce(), STILL_MS);
  }

  announce() {
    if (!this.crop) return;
    const { x, y, side, width, height, largest } = this.crop;
    const part = (value, range) => (range > 0 ? Math.round((100 * value) / range) : 0);
    const values = {
      left: part(x, width - side),
      top: part(y, height - side),
      zoom: Math.round((100 * largest) / side),
    };
    this.say("status", fill(this.texts.position, values));
  }

  step(name, factor = 1) {
    const { crop } = this;
    if (name in MOVES) {
      const [across, down] = MOVES[name].map((way) => (way * factor * crop.side) / 25);
      crop.moveTo(crop.x + across, crop.y + down);
    } else {
      crop.zoom = Math.min(Math.max(crop.zoom + (name === "in" ? 5 : -5) * factor, 0), 100);
    }
    this.changed(true);
  }

  // --- events ---

  handleEvent(event) {
    if (this.input) this[`on${event.type}`](event);
  }

  onclick(event) {
    const name = event.target.closest("[data-action]")?.dataset.action;
    if (name === "camera") this.photograph();
    else if (name === "adjust") this.adjust();
    else if (name === "remove") this.clearPicture();
    else if (name === "undo") this.undo();
    else if (name === "cancel") this.sending?.abort();
    else if (name) this.step(name, 2);
  }

  oninput(event) {
    if (event.target !== this.part("zoom")) return;
    event.stopPropagation();
    this.crop.zoom = Number(event.target.value);
    this.changed();
  }

  onchange(event) {
    if (event.target !== this.input) return;
    if (this.input.files.length) this.choose(this.input.files);
    // Cancelled: some browsers empty the input then.
    else if (this.file) this.put(this.sent);
  }

  ondragenter(event) {
    this.ondragover(event);
  }

  ondragover(event) {
    if (this.input.disabled || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.classList.add("avatar-kit-over");
  }

  ondragleave(event) {
    if (!this.contains(event.relatedTarget)) this.classList.remove("avatar-kit-over");
  }

  ondrop(event) {
    this.classList.remove("avatar-kit-over");
    if (this.input.disabled || !event.dataTransfer.files.length) return;
    event.preventDefault();
    this.choose(event.dataTransfer.files);
  }

  onkeydown(event) {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(name, event.shiftKey && name in MOVES ? 5 : 1);
  }

  onwheel(event) {
    if (event.deltaY === 0) return;
    event.preventDefault();
    const { left, top, width } = this.part("stage").getBoundingClientRect();
    // Lines and pages, as some browsers count, in px.
    const delta = event.deltaY * [1, 16, 100][event.deltaMode];
    // A pinch on a touch pad comes as a wheel with the control key, in small steps.
    const factor = 2 ** ((event.ctrlKey ? 5 : 1) * (Math.min(Math.max(delta, -200), 200) / 400));
    const [u, v] = [(event.clientX - left) / width, (event.clientY - top) / width];
    this.crop.zoomTo(this.crop.side * factor, u, v);
    this.changed();
  }

  onpointerdown(event) {
    if (event.button !== 0) return;
    const stage = this.part("stage");
    stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    stage.classList.add("avatar-kit-moving");
  }

  // One finger moves the picture; two move and enlarge it, what is between them stays there.
  onpointermove(event) {
    const { pointers, crop } = this;
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const after = [...pointers.values()];
    const { left, top, width } = this.part("stage").getBoundingClientRect();
    const middle = (points) => [0, 1].map((at) => points.reduce((sum, p) => sum + p[at], 0) / points.length);
    const [from, to] = [middle(before), middle(after)];
    const scale = crop.side / width;
    crop.moveTo(crop.x - (to[0] - from[0]) * scale, crop.y - (to[1] - from[1]) * scale);
    if (after.length === 2) {
      const apart = ([a, b]) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
      const [u, v] = [(to[0] - left) / width, (to[1] - top) / width];
      crop.zoomTo((crop.side * apart(before)) / apart(after), u, v);
    }
    this.changed();
  }

  onpointerup(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.part("stage").classList.remove("avatar-kit-moving");
  }

  onpointercancel(event) {
    this.onpointerup(event);
  }

  progress(percent) {
    const progress = this.part("progress");
    progress.hidden = percent === null;
    if (percent === null) return;
    progress.querySelector("progress").value = percent;
    const text = percent < 100 ? fill(this.texts.uploading, { percent }) : this.texts.saving;
    // Read out at each tenth; more often, a voice could not follow.
    if (percent % 10 === 0 || !this.part("status").textContent) this.say("status", text);
  }
}

customElements.define("avatar-input", AvatarInput);

const widgetsOf = (root) => [...root.querySelectorAll("avatar-input")].filter((each) => each.input);

// Pasted into the widget that has the focus, or into the only one of the page.
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  if (event.defaultPrevented || !files?.length || event.target.isContentEditable) return;
  const all = widgetsOf(document).filter((each) => !each.input.disabled);
  const target = event.target.closest?.("avatar-input") || (all.length === 1 ? all[0] : null);
  if (!target?.input) return;
  event.preventDefault();
  target.choose(files);
});

// --- sending ---

// Before anybody else handles it, htmx included: the smaller copies are to be sent.
document.addEventListener(
  "submit",
  (event) => {
    const busy = widgetsOf(event.target).filter((each) => each.work || each.choosing?.done);
    if (!busy.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { target, submitter } = event;
    // Not at once: a form cannot be sent while its event is being handled.
    const again = () => setTimeout(() => target.requestSubmit(submitter));
    Promise.all(busy.map((each) => each.ready())).then((each) => each.every(Boolean) && again(), again);
  },
  true,
);

// On the kit's own page: with progress, and after an error with the picture still chosen.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !("avatarKitSubmit" in form.dataset)) return;
  const [widget] = widgetsOf(form);
  if (!widget) return;
  event.preventDefault();
  if (!widget.sending) send(form, event.submitter, widget);
});

function send(form, submitter, widget) {
  const { texts } = widget;
  const request = new XMLHttpRequest();
  const end = (message) => {
    widget.sending = null;
    widget.progress(null);
    form.removeAttribute("aria-busy");
    if (message) {
      widget.say("error", message);
      widget.input.focus();
    }
  };
  widget.sending = request;
  widget.say("error", "");
  widget.say("status", "");
  form.setAttribute("aria-busy", "true");
  request.upload.onprogress = ({ loaded: done, total }) => {
    widget.progress(total ? Math.floor((100 * done) / total) : 0);
  };
  request.onabort = () => {
    end();
    widget.say("status", texts.cancelled);
  };
  request.onerror = () => end(texts.offline);
  request.onload = () => {
    let answer = null;
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // A page of the site, of a proxy, or of Django.
    }
    if (answer?.ok) {
      document.body.dispatchEvent(new CustomEvent("avatar-changed", { detail: answer.avatar }));
      // A reload shows the same page again, whatever stands behind the number sign.
      if (new URL(answer.url, location.href).href === location.href) location.reload();
      else location.assign(answer.url);
      return;
    }
    const { status, responseURL } = request;
    if (status === 200 && !answer) {
      // A page: of the login, or what a view of the site's own answers with.
      const there = new URL(responseURL);
      if (texts.login && there.pathname === texts.login) end(texts.loggedOut);
      else if (there.href !== new URL(url, location.href).href) location.assign(there);
      else HTMLFormElement.prototype.submit.call(form);
      return;
    }
    const errors = Object.entries(answer?.errors || {});
    const others = errors.some(([name]) => name !== "__all__" && !widget.input.name.endsWith(name));
    if (status === 401) end(texts.loggedOut);
    // The page of the server shows them beside their fields.
    else if (others) HTMLFormElement.prototype.submit.call(form);
    else if (errors.length) end(errors.flatMap(([, found]) => found.map(({ message }) => message)).join(" "));
    else end(status === 403 ? texts.outdated : texts.failed);
  };
  // Not form.action, which is an input of that name where there is one.
  const url = submitter?.getAttribute("formaction") || form.getAttribute("action") || location.href;
  request.open("POST", url);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Avatar-Kit-Navigate", "true");
  request.send(new FormData(form, submitter));
}

// htmx tells of its progress.
document.addEventListener("htmx:xhr:progress", (event) => {
  const { loaded: done, total } = event.detail;
  const [widget] = widgetsOf(event.target);
  if (widget && total) widget.progress(done < total ? Math.floor((100 * done) / total) : null);
});
