"use strict";
// A case that is a volume, in NiiVue (WebGL2): the scan with its map over it.

const FADING = 2; // NiiVue's ZERO_TO_MAX_TRANSLUCENT_BELOW_MIN
let VOLUME = null; // the view, scan and map of the volume that is open

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
      backColor: [0, 0, 0, 1], isColorbar: false, dragAndDropEnabled: false, crosshairWidth: 0.5,
      crosshairColor: [0.49, 0.77, 0.94, 1], isRadiologicalConvention: true, isOrientCube: false,
      multiplanarShowRender: niivue.SHOW_RENDER.NEVER, multiplanarLayout: niivue.MULTIPLANAR_TYPE.GRID,
    });
    await view.attachToCanvas(canvas);
    const parts = ["volume", "volume_map"].filter((part) => has(item, part));
    await view.loadVolumes(parts.map((part) => ({
      url: address(item, part), name: `${part}.nii.gz`, colormap: part === "volume" ? "gray" : "inferno",
    })));
    if (VOLUME !== opened) return; // another case meanwhile
    const volumes = Object.fromEntries(parts.map((part, place) => [part, view.volumes[place]]));
    const scan = volumes.volume, map = volumes.volume_map;
    Object.assign(opened, {
      view, scan, map, low: scan?.cal_min, high: scan?.cal_max, white: DATA.white ?? map?.cal_max,
    });
    if (map) view.scene.crosshairPos = brightest(map);
    paintVolume();
    canvas.dataset.ready = "yes";
  } catch (error) {
    if (VOLUME === opened) {
      VOLUME = null;
      byId("panels").replaceChildren(none(`The volume cannot be shown: ${error.message}.`));
    }
  }
}

// The place of the highest value, as shares of the volume along its three axes.
function brightest(map) {
  const values = map.img, [, across, down] = map.hdr.dims;
  let found = 0;
  for (let place = 1; place < values.length; place++) if (values[place] > values[found]) found = place;
  const voxel = [found % across, Math.floor(found / across) % down, Math.floor(found / (across * down)), 1];
  const mm = map.hdr.affine.slice(0, 3).map((row) => row.reduce((sum, each, place) => sum + each * voxel[place], 0));
  return map.convertMM2Frac(mm);
}

function paintVolume() {
  const {view, scan, map, low, high, white} = VOLUME;
  if (!view) return;
  if (scan) {
    scan.cal_min = low + (high - low) * (DISPLAY.level - DISPLAY.width / 2);
    scan.cal_max = low + (high - low) * (DISPLAY.level + DISPLAY.width / 2);
  }
  if (map) {
    map.colormapType = FADING;
    map.cal_max = white * DISPLAY.top;
    map.cal_min = map.cal_max / 2; // below it the map fades, as in a picture
    map.opacity = DISPLAY.overlay ? (scan ? DISPLAY.opacity : 1) : 0;
  }
  view.updateGLVolume();
}
