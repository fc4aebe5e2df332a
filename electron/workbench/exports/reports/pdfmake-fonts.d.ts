/** The fonts that come with pdfmake, each as base64; its types know the name without the ending, which Node wants. */
declare module 'pdfmake/build/fonts/Roboto.js' {
  const container: { readonly vfs: Readonly<Record<string, { readonly data: string }>> };
  export default container;
}
