import sys, grpc
from google.protobuf import descriptor_pool, message_factory as factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
address, rollout, (ca, key, cert) = sys.argv[1], sys.argv[2], (open(f"{sys.argv[3]}/{name}.pem", "rb").read() for name in ("ca", "key", "cert"))
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert))
service = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName("switchyard.v1.RolloutService")
def call(rpc, stream=False, **fields):
    request, answer = (factory.GetMessageClass(kind) for kind in (service.methods_by_name[rpc].input_type, service.methods_by_name[rpc].output_type))
    return (channel.unary_stream if stream else channel.unary_unary)(f"/{service.full_name}/{rpc}", request.SerializeToString, answer.FromString)(request(**fields))
print("listed", *(known.name for known in call("ListRollouts").rollouts))
for event in call("WatchRollout", True, name=rollout): print(event.sequence, event.WhichOneof("event"))
print("ended", (end := call("GetRollout", name=rollout).rollout).DESCRIPTOR.enum_types_by_name["State"].values_by_number[end.state].name)
