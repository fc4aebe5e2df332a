import type { ImportService } from './imports/service.ts';
import type { ModelManager } from './models/model-manager.ts';
import type { ProviderManager } from './providers/service.ts';
import type { Services } from './services.ts';
import type { UndoStack } from './images/undo-stack.ts';

/** What the calls of the contract work with. */
export interface Desk extends Services {
  readonly imports: ImportService;
  readonly manager: ModelManager;
  readonly providers: ProviderManager;
  readonly undo: UndoStack;
}
