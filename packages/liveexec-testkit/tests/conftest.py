"""What the simulator's tests share: nobody prints the credential of its venues either."""

from liveexec_testkit.simulator.adapter import CREDENTIAL
from support.canaries import learn

learn(CREDENTIAL)
