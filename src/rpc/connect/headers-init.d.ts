// Connect's declarations use this name of the DOM's, which @types/node does not declare.
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;
