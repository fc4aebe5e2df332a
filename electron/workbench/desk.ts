import type { ImportService } from './import-service.ts';
import type { ModelManager } from './model-manager/model-manager.ts';
import type { ProviderManager } from './provider-manager.ts';
import type { Services } from './services.ts';
import type { UndoStack } from './undo-stack.ts';

/** What the calls of the contract work with. */
export interface Desk extends Services {
  readonly imports: ImportService;
  readonly manager: ModelManager;
  readonly providers: ProviderManager;
  readonly undo: UndoStack;
}
