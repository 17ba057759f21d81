/** A function that runs `render` in the next animation frame, once, however often it is called until then. */
export function oncePerFrame(render: () => void): () => void {
  let isRequested = false;
  return () => {
    if (isRequested) return;
    isRequested = true;
    requestAnimationFrame(() => {
      isRequested = false;
      render();
    });
  };
}
