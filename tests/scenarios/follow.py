import sys, grpc
from google.protobuf import descriptor_pool, message_factory as factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
address, rollout, ca, key, cert = sys.argv[1], sys.argv[2], *(open(f"{sys.argv[3]}/{n}.pem", "rb").read() for n in ("ca", "key", "cert"))
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert))
service = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName("switchyard.v1.RolloutService")
def call(name, stream=False, **fields):
    method = service.methods_by_name[name]
    make = channel.unary_stream if stream else channel.unary_unary
    return make(f"/{service.full_name}/{name}", factory.GetMessageClass(method.input_type).SerializeToString, factory.GetMessageClass(method.output_type).FromString)(factory.GetMessageClass(method.input_type)(**fields))
for known in call("ListRollouts").rollouts: print("listed", known.name)
for event in call("WatchRollout", stream=True, name=rollout): print(event.sequence, event.WhichOneof("event"))
print("ended", (end := call("GetRollout", name=rollout).rollout).DESCRIPTOR.enum_types_by_name["State"].values_by_number[end.state].name)
