"use strict";
// A case that is a volume, in NiiVue (WebGL2): the scan with its map over it.

let VOLUME = null; // {view, low, high} of the volume that is open

function closeVolume() {
  if (!VOLUME) return;
  VOLUME.view?.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  VOLUME = null;
}

function script(source) {
  return new Promise((resolve, reject) => {
    const tag = made("script", {src: source});
    tag.addEventListener("load", resolve);
    tag.addEventListener("error", () => reject(new Error(`${source} cannot be read`)));
    document.head.append(tag);
  });
}

async function openVolume(item) {
  const canvas = made("canvas", {tabIndex: 0});
  canvas.setAttribute("aria-label", `Volume of ${title(item)} with its map; a click sets the crosshair`);
  const frame = made("div", {className: "volume"}, canvas);
  byId("panels").replaceChildren(frame);
  const opened = VOLUME = {view: null};
  try {
    if (!canvas.getContext("webgl2")) throw new Error("this browser has no WebGL2");
    if (typeof niivue === "undefined") await script("niivue.js");
    const view = new niivue.Niivue({
      backColor: [0, 0, 0, 1], isColorbar: false, show3Dcrosshair: true, dragAndDropEnabled: false,
      isOrientCube: false, loadingText: "loading", crosshairColor: [0.49, 0.77, 0.94, 1],
    });
    await view.attachToCanvas(canvas);
    view.setMultiplanarLayout(2);
    view.opts.multiplanarForceRender = false;
    const volumes = ["volume", "volume_map"].filter((part) => has(item, part)).map((part) => ({
      url: `volume/${item.index}/${part}.nii.gz`, name: `${part}.nii.gz`,
      colormap: part === "volume" ? "gray" : "inferno",
    }));
    await view.loadVolumes(volumes);
    if (VOLUME !== opened) return; // another case meanwhile
    const {cal_min: low, cal_max: high} = view.volumes[0];
    Object.assign(opened, {view, low, high});
    paintVolume();
  } catch (error) {
    if (VOLUME === opened) {
      VOLUME = null;
      drawPanels(item);
      byId("panels").prepend(none(`The volume cannot be shown: ${error.message}.`));
    }
  }
}

function paintVolume() {
  const {view, low, high} = VOLUME;
  if (!view) return;
  const [scan, map] = view.volumes, range = high - low;
  scan.cal_min = low + range * (DISPLAY.level - DISPLAY.width / 2);
  scan.cal_max = low + range * (DISPLAY.level + DISPLAY.width / 2);
  if (map) {
    Object.assign(map, {cal_min: 0, cal_max: DATA.white * DISPLAY.top});
    map.opacity = DISPLAY.overlay ? DISPLAY.opacity : 0;
    map.colormapType = 1; // transparent below the lowest value
  }
  view.updateGLVolume();
}
