/**
 * Calls `changed` when this device gets on the network again, or gets on another one (Wi-Fi, mobile), as far as the
 * browser tells. Returns a function that stops it.
 */
export function watchNetwork(changed) {
  const { connection } = navigator;
  let type = connection?.type;
  // The event also comes with every new estimate of speed; desktop browsers have no type.
  const moved = () => {
    if (connection.type === type) return;
    type = connection.type;
    if (type !== 'none') changed();
  };
  globalThis.addEventListener('online', changed);
  connection?.addEventListener('change', moved);
  return () => {
    globalThis.removeEventListener('online', changed);
    connection?.removeEventListener('change', moved);
  };
}
