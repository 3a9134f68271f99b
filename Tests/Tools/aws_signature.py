"""Whether a request to a fake of AWS is signed as botocore would sign it."""
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATTERN = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
    r"Signature=([0-9a-f]{64})")


def signer(handler, body, keys):
    """(access key ID, region, service) of who signed the request, or None. `keys`: {ID: (secret, token or None)}."""
    match = PATTERN.fullmatch(handler.headers.get("Authorization", ""))
    if not match or match[1] not in keys:
        return None
    name, _, region, service, signed, signature = match.groups()
    secret, token = keys[name]
    request = AWSRequest(handler.command, f"https://{handler.headers['Host']}{handler.path}", data=body)
    for header in signed.split(";"):
        request.headers.add_header(header, handler.headers[header])
    request.context["timestamp"] = handler.headers.get("X-Amz-Date", "")
    auth = SigV4Auth(Credentials(name, secret, token), service, region)
    right = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if right != signature or (token and "x-amz-security-token" not in signed.split(";")):
        return None
    return name, region, service
