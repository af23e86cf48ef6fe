import tensorflow as tf

from mgm_tf.networks.layers.state_variable import state_variable
from tests.rig import two_replicas


def test_every_replica_assigns_its_own_and_the_first_stands_for_all():
    strategy = two_replicas()
    with strategy.scope():
        value = state_variable((1,), "zeros", "value")

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        value.assign([5.0 + tf.cast(replica, tf.float32)])

    tf.function(lambda: strategy.run(step))()
    copies = strategy.experimental_local_results(value.value)
    assert [float(copy[0]) for copy in copies] == [5.0, 6.0]
    assert value.numpy().tolist() == [5.0]


def test_is_no_weight():
    assert not state_variable((1,), "ones", "value").trainable
