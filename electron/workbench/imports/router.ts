import { importReportToCsv } from '../../ingest/report-csv.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { answerWith } from '../exports/deliver.ts';
import { importTaskId } from './service.ts';

export function importsRouter({ imports: service }: Services) {
  const { imports } = api;
  return imports.router({
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
