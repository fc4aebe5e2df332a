export { findLeaks } from '../../common/find-leaks.ts';
