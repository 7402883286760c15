// The bundler takes style sheets that are imported and makes one of them.
declare module "*.css";
