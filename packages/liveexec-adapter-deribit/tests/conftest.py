"""What the tests of this package share: no test prints the secret of its API key."""

from deribit_support.payloads import CLIENT_SECRET
from support.canaries import learn

learn(CLIENT_SECRET)
