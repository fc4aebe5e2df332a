import { importReportToCsv } from '../../ingest/report-csv.ts';
import { api } from '../api.ts';
import type { Desk } from '../desk.ts';
import { answerWith } from '../exports/deliver.ts';

export function importsRouter({ imports: service }: Desk) {
  const { imports } = api;
  return imports.router({
    start: imports.start.handler(async ({ input }) => ({
      importId: await service.start(input.paths, input.options),
    })),
    upload: imports.upload.handler(async ({ input }) => ({
      importId: await service.upload(input.files, input.options),
    })),
    list: imports.list.handler(({ input }) => service.list(input.limit)),
    get: imports.get.handler(({ input }) => service.report(input.id)),
    cancel: imports.cancel.handler(async ({ input }) => ({ changed: await service.cancel(input.id) })),
    exportReport: imports.exportReport.handler(({ input: { id, format } }) => {
      const report = service.report(id);
      const name = `import-${id}.${format}`;
      return format === 'json'
        ? answerWith(name, 'application/json', JSON.stringify(report, null, 2))
        : answerWith(name, 'text/csv', importReportToCsv(report));
    }),
  });
}
