// The face in 3D: MediaPipe's 468 points with the photo as their texture, before and after, in plain WebGL.

const VERTEX = `
attribute vec3 position0, position1, normal0, normal1;
attribute vec2 place0, place1;
uniform float after;
uniform mat3 turn;
uniform vec2 size;
varying vec3 normal;
varying vec2 at0, at1;
void main() {
  vec3 p = turn * mix(position0, position1, after);
  normal = turn * normalize(mix(normal0, normal1, after));
  at0 = place0;
  at1 = place1;
  float away = 4.2 - p.z;
  gl_Position = vec4(p.xy * size * 4.2, -p.z * 0.2 * away, away);
}`;

const FRAGMENT = `
precision highp float;
uniform sampler2D picture0, picture1;
uniform float after, clay, hollow;
varying vec3 normal;
varying vec2 at0, at1;
void main() {
  vec3 n = normalize(normal);
  if (!gl_FrontFacing) n = -n;
  vec3 photo = mix(texture2D(picture0, at0).rgb, texture2D(picture1, at1).rgb, after);
  float key = max(dot(n, normalize(vec3(-0.45, 0.6, 0.9))), 0.0);
  float rim = pow(1.0 - max(n.z, 0.0), 2.0);
  vec3 plaster = vec3(0.93, 0.89, 0.84) * (0.3 + 0.72 * key) + vec3(0.16, 0.10, 0.06) * rim;
  gl_FragColor = vec4(mix(photo, mix(plaster, vec3(0.16, 0.13, 0.11), hollow), clay), 1.0);
}`;

const MOST = 1.1; // radians to each side

export class Viewer {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl", { alpha: true, antialias: true, preserveDrawingBuffer: true });
    this.angles = [0, 0];
    this.after = this.wanted = 1;
    this.clay = false;
    this.count = [0, 0];
    if (!this.gl) return;
    this.program = build(this.gl);
    this.buffers = {};
    this.textures = [this.gl.createTexture(), this.gl.createTexture()];
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // faces: two of { vertices (468, 3) in shares of the crop, crop: an image }; triangles: { face, eyes, mouth }.
  show(faces, triangles) {
    const { gl } = this;
    if (!gl) return;
    const surface = [...triangles.face, ...triangles.eyes];
    faces.forEach(({ vertices, crop }, k) => {
      const positions = centred(vertices);
      this.#fill(`position${k}`, positions, 3);
      this.#fill(`normal${k}`, normals(positions, surface), 3);
      this.#fill(`place${k}`, new Float32Array(vertices.flatMap(([x, y]) => [x, y])), 2);
      gl.activeTexture(gl.TEXTURE0 + k);
      gl.bindTexture(gl.TEXTURE_2D, this.textures[k]);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, crop);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    });
    this.buffers.triangles ??= gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.triangles);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint16Array([...surface, ...triangles.mouth].flat()), gl.STATIC_DRAW);
    this.count = [3 * surface.length, 3 * triangles.mouth.length];
    this.draw();
  }

  // Moves to the face before (0) or after (1).
  change(after) {
    this.wanted = after;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.after = after;
    this.#glide();
  }

  #glide() {
    const rest = this.wanted - this.after;
    this.after = Math.abs(rest) < 0.02 ? this.wanted : this.after + rest * 0.2;
    this.draw();
    if (this.after !== this.wanted) requestAnimationFrame(() => this.#glide());
  }

  turn(yaw, pitch) {
    this.angles = [yaw, pitch].map((angle, k) => Math.min(MOST, Math.max(-MOST, this.angles[k] + angle)));
    this.draw();
  }

  reset() {
    this.angles = [0, 0];
    this.draw();
  }

  draw() {
    const { gl, canvas } = this;
    if (!gl || !this.count[0] || !canvas.clientWidth) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.useProgram(this.program);
    for (const name of ["position0", "position1", "normal0", "normal1", "place0", "place1"]) {
      const where = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
      gl.enableVertexAttribArray(where);
      gl.vertexAttribPointer(where, name.startsWith("place") ? 2 : 3, gl.FLOAT, false, 0, 0);
    }
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    const side = Math.min(canvas.width, canvas.height);
    gl.uniform2f(uniform("size"), (1.75 * side) / canvas.width, (1.75 * side) / canvas.height);
    gl.uniformMatrix3fv(uniform("turn"), false, rotation(...this.angles));
    gl.uniform1f(uniform("after"), this.after);
    gl.uniform1f(uniform("clay"), this.clay ? 1 : 0);
    gl.uniform1i(uniform("picture0"), 0);
    gl.uniform1i(uniform("picture1"), 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.triangles);
    gl.uniform1f(uniform("hollow"), 0);
    gl.drawElements(gl.TRIANGLES, this.count[0], gl.UNSIGNED_SHORT, 0);
    gl.uniform1f(uniform("hollow"), 1); // of clay, the mouth is dark
    gl.drawElements(gl.TRIANGLES, this.count[1], gl.UNSIGNED_SHORT, 2 * this.count[0]);
  }

  #fill(name, values) {
    const { gl } = this;
    this.buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.turn(event.movementX * 0.008, event.movementY * 0.008);
    });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
      if (event.key === "Home") this.reset();
      else if (event.key in turns) this.turn(...turns[event.key]);
      else return;
      event.preventDefault();
    });
  }
}

function build(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

// Around the middle of the mesh: y up, +z to the viewer.
function centred(vertices) {
  const middle = [0, 1, 2].map((axis) => {
    const values = vertices.map((vertex) => vertex[axis]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  return new Float32Array(vertices.flatMap(([x, y, z]) => [x - middle[0], middle[1] - y, z - middle[2]]));
}

function normals(positions, triangles) {
  const sums = new Float32Array(positions.length);
  for (const corners of triangles) {
    const [a, b, c] = corners.map((k) => positions.subarray(3 * k, 3 * k + 3));
    const [u, v] = [b, c].map((p) => [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
    const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const k of corners) for (let axis = 0; axis < 3; axis++) sums[3 * k + axis] += cross[axis];
  }
  return sums;
}

// Columns of the rotation by yaw, then pitch.
function rotation(yaw, pitch) {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return [cy, sp * sy, -cp * sy, 0, cp, sp, sy, -sp * cy, cp * cy];
}
