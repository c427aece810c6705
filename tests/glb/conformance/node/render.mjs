// Takes jobs from the server that sent this page: a source and its outputs, each rendered by
// three.js from the same three sides. Answers with the mean squared error of each output.
import * as THREE from "three";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
import { DRACOLoader } from "three/addons/loaders/DRACOLoader.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { KTX2Loader } from "three/addons/loaders/KTX2Loader.js";

const SIZE = 512;
const SIDES = [
  [0.6, 0.4, 1],
  [-0.9, 0.2, -0.6],
  [0.3, 1, -0.3],
];
const FIELD_OF_VIEW = 35;
const FILLED = 0.85; // of the picture's height

const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
renderer.setSize(SIZE, SIZE, false);
const environment = new THREE.PMREMGenerator(renderer).fromScene(new RoomEnvironment()).texture;
const loader = new GLTFLoader()
  .setDRACOLoader(new DRACOLoader().setDecoderPath("/three/examples/jsm/libs/draco/gltf/"))
  .setKTX2Loader(
    new KTX2Loader().setTranscoderPath("/three/examples/jsm/libs/basis/").detectSupport(renderer),
  )
  .setMeshoptDecoder(MeshoptDecoder);

// The loader goes on without a texture that it can't read, and only says so.
let complaints = [];
console.error = (...words) => complaints.push(words.map(String).join(" "));

function stage(model) {
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0.5, 0.5, 0.5);
  scene.environment = environment;
  const sun = new THREE.DirectionalLight(0xffffff, 2);
  sun.position.set(1, 2, 3);
  scene.add(model, sun);
  model.traverse((object) => (object.frustumCulled = false));
  return scene;
}

function cameras(model) {
  const sphere = new THREE.Box3().setFromObject(model, true).getBoundingSphere(new THREE.Sphere());
  const radius = Number.isFinite(sphere.radius) && sphere.radius > 0 ? sphere.radius : 1;
  const distance = radius / Math.sin((FIELD_OF_VIEW * FILLED * Math.PI) / 360);
  return SIDES.map((side) => {
    const camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, distance / 50, distance * 3);
    camera.position.fromArray(side).setLength(distance).add(sphere.center);
    camera.lookAt(sphere.center);
    return camera;
  });
}

function picture(scene, camera) {
  renderer.render(scene, camera);
  const gl = renderer.getContext();
  const pixels = new Uint8Array(SIZE * SIZE * 4);
  gl.readPixels(0, 0, SIZE, SIZE, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  return pixels;
}

function dispose(scene) {
  scene.traverse((object) => {
    object.geometry?.dispose();
    for (const material of [object.material ?? []].flat()) {
      Object.values(material).forEach((value) => value?.isTexture && value.dispose());
      material.dispose();
    }
  });
}

function squaredError(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2;
  return sum / (SIZE * SIZE * 3);
}

async function photograph(url, chosen) {
  complaints = [];
  const started = performance.now();
  const model = (await loader.loadAsync(url)).scene;
  const seconds = (performance.now() - started) / 1000;
  if (complaints.length) throw new Error(complaints.join("; "));
  const scene = stage(model);
  const used = chosen ?? cameras(model);
  const pictures = used.map((camera) => picture(scene, camera));
  dispose(scene);
  return { pictures, cameras: used, seconds };
}

async function attempt(url, source) {
  try {
    const { pictures, seconds } = await photograph(url, source?.cameras);
    const errors = pictures.map((each, i) => squaredError(each, (source ?? { pictures }).pictures[i]));
    return { error: errors.reduce((a, b) => a + b) / errors.length, seconds };
  } catch (error) {
    return { problem: String(error) };
  }
}

async function judge({ source, outputs }) {
  let original = null;
  const problem = await photograph(source).then((it) => void (original = it), String);
  const answers = [];
  for (const output of outputs) {
    answers.push(await attempt(output, original));
  }
  return { source: { problem, seconds: original?.seconds }, outputs: answers };
}

for (;;) {
  const answer = await fetch("/next");
  if (answer.status === 200) {
    const result = await judge(await answer.json());
    await fetch("/done", { method: "POST", body: JSON.stringify(result) });
  }
}
