/** A function that runs `render` once in the next animation frame, however often it is called before. */
export function oncePerAnimationFrame(render: () => void): () => void {
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
