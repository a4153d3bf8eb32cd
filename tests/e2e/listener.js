// Runs inside the page: measures the level of both directions every 10 ms, on one clock and off the main thread.
async () => {
  const meter = `
    const BLOCKS = 4;
    registerProcessor('level', class extends AudioWorkletProcessor {
      #power = 0;
      #blocks = 0;
      process([[samples]]) {
        for (const sample of samples ?? []) this.#power += sample * sample;
        if (++this.#blocks === BLOCKS) {
          this.port.postMessage([currentTime, Math.sqrt(this.#power / (BLOCKS * 128))]);
          this.#power = this.#blocks = 0;
        }
        return true;
      }
    });`;
  const context = new AudioContext();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([meter], { type: 'text/javascript' })));
  const levels = { caller: [], agent: [] };
  const watch = (name, stream) => {
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, 'level');
    node.port.onmessage = ({ data }) => levels[name].push(data);
    source.connect(node);
    return [source, node];
  };
  window.listener = { levels, nodes: watch('agent', document.querySelector('#agent-audio').srcObject) };
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  window.listener.nodes.push(...watch('caller', await navigator.mediaDevices.getUserMedia({ audio: raw })));
};
