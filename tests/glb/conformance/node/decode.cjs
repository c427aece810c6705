// Reads each GLB named as a loader would, with Google's own Draco decoder, and lays every array
// down for numpy: FOLDER/0.json says what lies where in FOLDER/0.bin, and so on.
const fs = require("node:fs");
const path = require("node:path");
const draco3d = require("draco3dgltf");

const DRACO = "KHR_draco_mesh_compression";
const MESHOPT = "EXT_meshopt_compression";
const COMPONENTS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 };
const ARRAYS = {
  5120: Int8Array,
  5121: Uint8Array,
  5122: Int16Array,
  5123: Uint16Array,
  5125: Uint32Array,
  5126: Float32Array,
};
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;

class Dump {
  constructor() {
    this.pieces = [];
    this.length = 0;
  }

  add(array, components, normalized = false) {
    const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    const offset = this.length;
    const padding = (8 - (bytes.length % 8)) % 8;
    this.pieces.push(bytes, Buffer.alloc(padding));
    this.length += bytes.length + padding;
    return { kind: array.constructor.name, offset, length: array.length, components, normalized };
  }
}

function readGlb(bytes) {
  let json = null;
  let binary = null;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset);
    const chunk = bytes.subarray(offset + 8, offset + 8 + length);
    const kind = bytes.readUInt32LE(offset + 4);
    if (kind === JSON_CHUNK) json ??= JSON.parse(chunk.toString("utf8"));
    if (kind === BIN_CHUNK) binary ??= chunk;
    offset += 8 + length;
  }
  return { json, binary };
}

function bufferBytes(glb, index) {
  const { uri } = glb.json.buffers[index];
  if (uri === undefined) return glb.binary;
  return Buffer.from(uri.slice(uri.indexOf(",") + 1), "base64");
}

function viewBytes(glb, index) {
  const view = glb.json.bufferViews[index];
  if (view.extensions?.[MESHOPT]) throw new Error(`bufferView ${index} is packed with meshopt`);
  const start = view.byteOffset ?? 0;
  return bufferBytes(glb, view.buffer).subarray(start, start + view.byteLength);
}

function readElements(glb, viewIndex, byteOffset, kind, components, count) {
  const result = new kind(count * components);
  const bytes = viewBytes(glb, viewIndex);
  const size = kind.BYTES_PER_ELEMENT * components;
  const stride = glb.json.bufferViews[viewIndex].byteStride ?? size;
  const target = Buffer.from(result.buffer);
  for (let i = 0; i < count; i++) {
    const start = byteOffset + i * stride;
    if (start + size > bytes.length) throw new Error(`bufferView ${viewIndex} is too short`);
    bytes.copy(target, i * size, start, start + size);
  }
  return result;
}

function readAccessor(glb, index) {
  const accessor = glb.json.accessors[index];
  const { count, sparse } = accessor;
  const kind = ARRAYS[accessor.componentType];
  const components = COMPONENTS[accessor.type];
  const offset = accessor.byteOffset ?? 0;
  const result =
    accessor.bufferView === undefined
      ? new kind(count * components)
      : readElements(glb, accessor.bufferView, offset, kind, components, count);
  if (sparse) writeSparse(glb, sparse, result, kind, components);
  return result;
}

function writeSparse(glb, { count, indices, values }, result, kind, components) {
  const at = readElements(
    glb, indices.bufferView, indices.byteOffset ?? 0, ARRAYS[indices.componentType], 1, count,
  );
  const by = readElements(glb, values.bufferView, values.byteOffset ?? 0, kind, components, count);
  at.forEach((element, i) => {
    result.set(by.subarray(i * components, (i + 1) * components), element * components);
  });
}

// One Draco stream; `keep` are the attribute types whose quantized integers are wanted as they are.
function decodeDraco(draco, bytes, keep, read) {
  const decoder = new draco.Decoder();
  const mesh = new draco.Mesh();
  const buffer = new draco.DecoderBuffer();
  try {
    keep.forEach((type) => decoder.SkipAttributeTransform(type));
    buffer.Init(new Int8Array(bytes), bytes.length);
    const status = decoder.DecodeBufferToMesh(buffer, mesh);
    if (!status.ok()) throw new Error(`Draco: ${status.error_msg()}`);
    return read(decoder, mesh);
  } finally {
    [buffer, mesh, decoder].forEach((object) => draco.destroy(object));
  }
}

function onHeap(draco, kind, length, fill) {
  const size = length * kind.BYTES_PER_ELEMENT;
  const pointer = draco._malloc(size);
  try {
    fill(size, pointer);
    return new kind(draco.HEAPU8.buffer.slice(pointer, pointer + size));
  } finally {
    draco._free(pointer);
  }
}

function dracoTypes(draco) {
  return {
    Int8Array: draco.DT_INT8,
    Uint8Array: draco.DT_UINT8,
    Int16Array: draco.DT_INT16,
    Uint16Array: draco.DT_UINT16,
    Uint32Array: draco.DT_UINT32,
    Float32Array: draco.DT_FLOAT32,
  };
}

function readDracoPrimitive(draco, glb, primitive, dump) {
  const { bufferView, attributes } = primitive.extensions[DRACO];
  const bytes = viewBytes(glb, bufferView);
  const result = decodeDraco(draco, bytes, [], (decoder, mesh) => {
    const found = {};
    for (const [name, id] of Object.entries(attributes)) {
      const accessor = glb.json.accessors[primitive.attributes[name]];
      found[name] = readDracoAttribute(draco, decoder, mesh, id, accessor, dump);
    }
    const indices = onHeap(draco, Uint32Array, mesh.num_faces() * 3, (size, pointer) =>
      decoder.GetTrianglesUInt32Array(mesh, size, pointer),
    );
    return { attributes: found, indices: dump.add(indices, 1) };
  });
  return { ...result, grid: readGrid(draco, bytes, attributes.POSITION) };
}

function readDracoAttribute(draco, decoder, mesh, id, accessor, dump) {
  const attribute = decoder.GetAttributeByUniqueId(mesh, id);
  if (attribute.ptr === 0) throw new Error(`Draco: there is no attribute with the id ${id}`);
  const kind = ARRAYS[accessor.componentType];
  const components = attribute.num_components();
  const type = dracoTypes(draco)[kind.name];
  const array = onHeap(draco, kind, mesh.num_points() * components, (size, pointer) =>
    decoder.GetAttributeDataArrayForAllPoints(mesh, attribute, type, size, pointer),
  );
  return dump.add(array, components, accessor.normalized ?? false);
}

// The lattice of the positions, or null where they are stored as they were.
function readGrid(draco, bytes, id) {
  return decodeDraco(draco, bytes, [draco.POSITION], (decoder, mesh) => {
    const transform = new draco.AttributeQuantizationTransform();
    try {
      if (!transform.InitFromAttribute(decoder.GetAttributeByUniqueId(mesh, id))) return null;
      return {
        bits: transform.quantization_bits(),
        range: transform.range(),
        origin: [0, 1, 2].map((axis) => transform.min_value(axis)),
      };
    } finally {
      draco.destroy(transform);
    }
  });
}

function readPlainPrimitive(glb, primitive, dump) {
  const { indices } = primitive;
  return {
    attributes: readAll(glb, primitive.attributes, dump),
    indices: indices === undefined ? null : dump.add(readAccessor(glb, indices), 1),
    grid: null,
  };
}

function readAll(glb, attributes, dump) {
  const entries = Object.entries(attributes ?? {});
  return Object.fromEntries(entries.map(([name, index]) => [name, addAccessor(glb, index, dump)]));
}

function addAccessor(glb, index, dump) {
  const { type, normalized } = glb.json.accessors[index];
  return dump.add(readAccessor(glb, index), COMPONENTS[type], normalized ?? false);
}

function readPrimitive(draco, glb, mesh, number, primitive, dump) {
  const packed = primitive.extensions?.[DRACO];
  const read = packed
    ? readDracoPrimitive(draco, glb, primitive, dump)
    : readPlainPrimitive(glb, primitive, dump);
  return {
    mesh,
    primitive: number,
    mode: primitive.mode ?? 4,
    packed: packed !== undefined,
    ...read,
    targets: (primitive.targets ?? []).map((target) => readAll(glb, target, dump)),
  };
}

// What no optimiser may touch: animation and skins.
function readExact(glb, dump) {
  const exact = {};
  (glb.json.animations ?? []).forEach((animation, a) =>
    animation.samplers.forEach((sampler, s) => {
      exact[`animation ${a} sampler ${s} input`] = addAccessor(glb, sampler.input, dump);
      exact[`animation ${a} sampler ${s} output`] = addAccessor(glb, sampler.output, dump);
    }),
  );
  (glb.json.skins ?? []).forEach(({ inverseBindMatrices }, s) => {
    if (inverseBindMatrices === undefined) return;
    exact[`skin ${s} inverseBindMatrices`] = addAccessor(glb, inverseBindMatrices, dump);
  });
  return exact;
}

function readImage(glb, image, dump) {
  const bytes =
    image.bufferView === undefined
      ? Buffer.from(image.uri.slice(image.uri.indexOf(",") + 1), "base64")
      : viewBytes(glb, image.bufferView);
  return dump.add(new Uint8Array(bytes), 1);
}

function decode(draco, file) {
  const glb = readGlb(fs.readFileSync(file));
  const dump = new Dump();
  const primitives = (glb.json.meshes ?? []).flatMap((mesh, m) =>
    mesh.primitives.map((primitive, p) => readPrimitive(draco, glb, m, p, primitive, dump)),
  );
  const exact = readExact(glb, dump);
  const images = (glb.json.images ?? []).map((image) => readImage(glb, image, dump));
  return { said: { json: glb.json, primitives, exact, images }, dump };
}

async function main() {
  const [folder, ...files] = process.argv.slice(2);
  const draco = await draco3d.createDecoderModule();
  files.forEach((file, number) => {
    const place = path.join(folder, String(number));
    try {
      const { said, dump } = decode(draco, file);
      fs.writeFileSync(`${place}.bin`, Buffer.concat(dump.pieces));
      fs.writeFileSync(`${place}.json`, JSON.stringify(said));
    } catch (error) {
      fs.writeFileSync(`${place}.json`, JSON.stringify({ problem: String(error) }));
    }
  });
}

main();
