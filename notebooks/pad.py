"""A pad to draw a digit on."""

import anywidget
import traitlets


class Pad(anywidget.AnyWidget):
    """A canvas for the mouse or a finger; `pixels` are 28 by 28, 0 to 1, row by row."""

    _esm = """
    export default { render({ model, el }) {
      const c = document.createElement("canvas"), clear = document.createElement("button");
      c.width = c.height = 224; c.style = "background:#000;touch-action:none;cursor:crosshair";
      c.setAttribute("aria-label", "draw a digit"); clear.textContent = "clear";
      clear.style = "display:block;margin-top:4px;padding:2px 12px;border:1px solid #888";
      const g = c.getContext("2d"); let on = false;
      const wipe = () => { g.fillStyle = "#000"; g.fillRect(0, 0, 224, 224); };
      const send = () => {
        const d = g.getImageData(0, 0, 224, 224).data, out = [];
        for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) {
          let sum = 0;
          for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++)
            sum += d[4 * ((8 * y + i) * 224 + 8 * x + j)];
          out.push(Math.round(sum / 64) / 255);
        }
        model.set("pixels", out); model.save_changes();
      };
      const at = e => { const r = c.getBoundingClientRect();
        return [(e.clientX - r.x) * 224 / r.width, (e.clientY - r.y) * 224 / r.height]; };
      c.onpointerdown = e => { on = true; g.beginPath(); g.moveTo(...at(e)); };
      c.onpointermove = e => { if (!on) return; g.lineWidth = 18; g.lineCap = "round";
        g.lineJoin = "round"; g.strokeStyle = "#fff"; g.lineTo(...at(e)); g.stroke(); };
      c.onpointerup = c.onpointerleave = () => { if (on) { on = false; send(); } };
      clear.onclick = () => { wipe(); send(); };
      wipe(); el.append(c, clear);
    } };
    """
    pixels = traitlets.List([0.0] * 784).tag(sync=True)
