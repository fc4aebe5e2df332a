import type OpenSeadragon from 'openseadragon';

/** What a viewer lets its surroundings do. */
export interface ViewerHandle {
  zoomBy(factor: number): void;
  goHome(): void;
  actualSize(): void;
}

/** Viewers that move together: what one shows, the others show at the same place and magnification. */
export class ViewportGroup {
  /** While it is false, each moves alone. */
  isLinked = true;
  readonly #viewers = new Set<OpenSeadragon.Viewer>();
  #following = false;

  add(viewer: OpenSeadragon.Viewer): void {
    this.#viewers.add(viewer);
  }

  remove(viewer: OpenSeadragon.Viewer): void {
    this.#viewers.delete(viewer);
  }

  /** Moves the others to where this one is going. */
  follow(leader: OpenSeadragon.Viewer): void {
    if (this.#following || !this.isLinked) return;
    this.#following = true;
    const center = leader.viewport.getCenter(false);
    const zoom = leader.viewport.getZoom(false) / leader.viewport.getHomeZoom();
    for (const viewer of this.#viewers) {
      if (viewer === leader || !viewer.isOpen()) continue;
      viewer.viewport.zoomTo(zoom * viewer.viewport.getHomeZoom());
      viewer.viewport.panTo(center);
    }
    this.#following = false;
  }
}
