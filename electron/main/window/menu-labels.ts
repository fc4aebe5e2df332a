import type { AppSettings } from '../../contract/app/settings.ts';

export type MenuLanguage = NonNullable<AppSettings['language']>;

const english = {
  file: 'File',
  importFiles: 'Import files…',
  importFolder: 'Import folder…',
  recent: 'Open recent',
  clearRecent: 'Clear this list',
  exportFigure: 'Export figure…',
  close: 'Close window',
  quit: 'Quit Fundus Lens',
  edit: 'Edit',
  undoChange: 'Undo last change of the library',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  selectAll: 'Select all',
  view: 'View',
  library: 'Library',
  trace: 'Trace',
  compare: 'Compare',
  tasks: 'Tasks',
  models: 'Models',
  settings: 'Settings',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  zoomReset: 'Actual size',
  fullScreen: 'Full screen',
  reload: 'Reload',
  help: 'Help',
  shortcuts: 'Shortcuts and about',
  logFolder: 'Open log folder',
  images: 'Images and DICOM',
  table: 'Tables',
  conceptSet: 'Concept sets',
  package: 'NuGet packages',
  allFiles: 'All files',
  pageCrashed: 'The window stopped working.',
  pageCrashedDetail: 'The library is safe, and tasks go on. Reload the window, or look into the log.',
  pageSilent: 'The window does not respond.',
  pageSilentDetail:
    'It may be busy with a large figure. Wait, or reload it; the library is safe, and tasks go on.',
  wait: 'Wait',
  startFailed: 'Fundus Lens cannot open its library.',
  ok: 'OK',
};

export type MenuLabels = Readonly<Record<keyof typeof english, string>>;

const russian: MenuLabels = {
  file: 'Файл',
  importFiles: 'Импортировать файлы…',
  importFolder: 'Импортировать папку…',
  recent: 'Недавние файлы',
  clearRecent: 'Очистить список',
  exportFigure: 'Экспортировать рисунок…',
  close: 'Закрыть окно',
  quit: 'Завершить Fundus Lens',
  edit: 'Правка',
  undoChange: 'Отменить последнее изменение библиотеки',
  cut: 'Вырезать',
  copy: 'Копировать',
  paste: 'Вставить',
  selectAll: 'Выделить всё',
  view: 'Вид',
  library: 'Библиотека',
  trace: 'Трассировка',
  compare: 'Сравнение',
  tasks: 'Задания',
  models: 'Модели',
  settings: 'Настройки',
  zoomIn: 'Увеличить',
  zoomOut: 'Уменьшить',
  zoomReset: 'Исходный размер',
  fullScreen: 'Во весь экран',
  reload: 'Перезагрузить',
  help: 'Справка',
  shortcuts: 'Клавиши и о программе',
  logFolder: 'Открыть папку журнала',
  images: 'Изображения и DICOM',
  table: 'Таблицы',
  conceptSet: 'Наборы понятий',
  package: 'Пакеты NuGet',
  allFiles: 'Все файлы',
  pageCrashed: 'Окно перестало работать.',
  pageCrashedDetail: 'Библиотека цела, задания продолжаются. Перезагрузите окно или откройте журнал.',
  pageSilent: 'Окно не отвечает.',
  pageSilentDetail:
    'Возможно, оно занято большим рисунком. Подождите или перезагрузите его: библиотека не пострадает, задания продолжатся.',
  wait: 'Подождать',
  startFailed: 'Fundus Lens не может открыть библиотеку.',
  ok: 'ОК',
};

export function menuLabels(language: MenuLanguage): MenuLabels {
  return language === 'ru' ? russian : english;
}

/** The language chosen in the settings, or the system's. */
export function menuLanguage(chosen: MenuLanguage | null, systemLocale: string): MenuLanguage {
  return chosen ?? (systemLocale.toLowerCase().startsWith('ru') ? 'ru' : 'en');
}
