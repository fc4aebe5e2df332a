import type OpenSeadragon from 'openseadragon';

/** What a viewer lets its surroundings do. */
export interface ViewerHandle {
  zoomBy(factor: number): void;
  goHome(): void;
  actualSize(): void;
}

/** What a viewer lets a drawing over it do. */
export interface DrawableHandle extends ViewerHandle {
  /** Zooms about a point of the frame, CSS pixels. */
  zoomAt(factor: number, x: number, y: number): void;
  /** Moves the photograph, CSS pixels. */
  panBy(dx: number, dy: number): void;
  /** Brings a part of the photograph into view, in its pixels. */
  show(part: PhotoBox): void;
}

/** A rectangle: of the frame in CSS pixels, or of the photograph in its own. */
export interface PhotoBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
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
