import { importReportToCsv } from '../../ingest/report-csv.ts';
import {
  findPictures,
  placePaths,
  previewFolders,
  suggestFolderRule,
} from '../../ingest/sources/preview-folders.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { answerWith } from '../exports/deliver.ts';
import { importTaskId, readFolderRule } from './service.ts';

export function importsRouter({ imports: service }: Services) {
  const { imports } = api;
  return imports.router({
    preview: imports.preview.handler(async ({ input: { paths, files, folderRule } }) => {
      const placed = [...(await findPictures(paths)), ...placePaths(files)];
      const rule = folderRule === null ? suggestFolderRule(placed) : readFolderRule(folderRule);
      return previewFolders(placed, rule);
    }),
    start: imports.start.handler(async ({ input }) => begun(await service.start(input.paths, input.options))),
    upload: imports.upload.handler(async ({ input }) =>
      begun(await service.upload(input.files, input.options)),
    ),
    list: imports.list.handler(({ input }) => service.list(input.limit)),
    get: imports.get.handler(({ input }) => service.report(input.id)),
    exportReport: imports.exportReport.handler(({ input: { id, format } }) => {
      const report = service.report(id);
      const name = `import-${id}.${format}`;
      return format === 'json'
        ? answerWith(name, 'application/json', JSON.stringify(report, null, 2))
        : answerWith(name, 'text/csv', importReportToCsv(report));
    }),
  });
}

function begun(importId: number) {
  return { importId, taskId: importTaskId(importId) };
}
