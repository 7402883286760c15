import { clone, createFileRegistry, type DescFile, type DescService } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { NlpService } from "../../../gen/caikit/nlp-service_pb.ts";

const ownDomain = "Nlp";

/** Caikit's inference service under the name of `domain`, such as "caikit.runtime.Nlp.NlpService". Its requests have the
 *  same fields whatever the domain, and its answers are the same messages. */
export function serviceOfDomain(domain: string): typeof NlpService {
  if (domain === ownDomain) return NlpService;
  const { file } = NlpService;
  const renamed = renamedFile(file.proto, domain);
  const registry = createFileRegistry(renamed, (name) => findFile(file, name));
  const typeName = serviceName(domain);
  // The compiler knows one name of the service only.
  return registry.getService(typeName) as DescService as typeof NlpService;
}

function renamedFile(proto: FileDescriptorProto, domain: string): FileDescriptorProto {
  const renamed = clone(FileDescriptorProtoSchema, proto);
  const ownScope = `.${proto.package}.`;
  const scope = `.${packageName(domain)}.`;
  const rename = (typeName: string) =>
    typeName.startsWith(ownScope) ? `${scope}${typeName.slice(ownScope.length)}` : typeName;
  renamed.name = proto.name.replace("nlp-service", `${domain.toLowerCase()}-domain-service`);
  renamed.package = packageName(domain);
  for (const service of renamed.service) {
    service.name = `${domain}Service`;
    for (const method of service.method) method.inputType = rename(method.inputType);
  }
  return renamed;
}

function packageName(domain: string): string {
  return `caikit.runtime.${domain}`;
}

function serviceName(domain: string): string {
  return `${packageName(domain)}.${domain}Service`;
}

/** A file that `file` imports, by the name that imports use. */
function findFile(file: DescFile, name: string): DescFile | undefined {
  for (const imported of file.dependencies) {
    if (imported.proto.name === name) return imported;
    const deeper = findFile(imported, name);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
