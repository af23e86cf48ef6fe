"""PCGrad against hand numbers and a NumPy twin of the paper's Algorithm 1."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.method.gradients import orders, project

IN_TURN = tf.constant([[0, 1, 2]] * 3)


def summed(gradients, order):
    """`project` with one variable a task: the sum, [d]."""
    tensors = [[tf.constant(gradient, tf.float32)] for gradient in gradients]
    (found,) = project(tensors, tf.constant(order))
    return found.numpy()


def algorithm_1(gradients, order):
    """The paper's loops on vectors, with orders in place of random ones."""
    projected = []
    for i, own in enumerate(gradients):
        own = own.copy()
        for j in order[i]:
            other = gradients[j]
            if i != j and own @ other < 0:
                own -= own @ other / (other @ other) * other
        projected.append(own)
    return sum(projected)


def test_two_tasks_in_conflict():
    # g1 . g2 = -1, |g1|^2 = 1, |g2|^2 = 2: g1 + g2 / 2 = (.5, .5), g2 + g1 = (0, 1).
    found = summed([(1, 0), (-1, 1)], [[0, 1], [0, 1]])
    np.testing.assert_allclose(found, [0.5, 1.5], atol=1e-6)


def test_without_a_conflict_it_is_the_sum():
    gradients = [(1, 0, 2), (0, 1, 0), (3, 1, -1)]  # products 0, 1, 1
    np.testing.assert_array_equal(summed(gradients, IN_TURN), [4, 2, 1])
    np.testing.assert_array_equal(summed([(1, -2)], [[0]]), [1, -2])


def test_opposite_gradients_leave_nothing():
    found = summed([(2, 4), (-1, -2)], [[0, 1], [0, 1]])
    np.testing.assert_allclose(found, [0, 0], atol=1e-6)


def test_the_order_matters():
    gradients = [(2, 0), (-1, 1), (-1, -2)]
    # The first task, second before third: (2, 0) + (-1, 1) = (1, 1), whose product with
    # the third is -3: + 3/5 (-1, -2) = (.4, -.2). Third before second: (2, 0) + 2/5
    # (-1, -2) = (1.6, -.8), whose product with the second is -2.4: + 1.2 (-1, 1) =
    # (.4, .4).
    one = summed(gradients, [[0, 1, 2], [0, 1, 2], [0, 1, 2]])
    other = summed(gradients, [[0, 2, 1], [0, 1, 2], [0, 1, 2]])
    np.testing.assert_allclose(other - one, [0, 0.6], atol=1e-6)
    # Where a task meets itself does not.
    same = summed(gradients, [[1, 0, 2], [0, 2, 1], [2, 0, 1]])
    np.testing.assert_allclose(same, one, atol=1e-6)


def test_a_task_is_not_in_conflict_with_itself():
    gradients = [(1, 2), (-2, -1), (0, -1)]
    # The first: + 4/5 (-2, -1) = (-.6, 1.2), + 1.2 (0, -1) = (-.6, 0), which points
    # away from (1, 2). The second: (-1.2, 0), the third: (.16, -.32).
    found = summed(gradients, [[1, 2, 0], [0, 2, 1], [0, 1, 2]])
    np.testing.assert_allclose(found, [-1.64, -0.32], atol=1e-6)


@pytest.mark.parametrize("tasks", [2, 3, 5])
def test_it_is_algorithm_1(tasks):
    generator = np.random.default_rng(tasks)
    for _ in range(20):
        gradients = generator.normal(size=(tasks, 4))
        order = np.stack([generator.permutation(tasks) for _ in range(tasks)])
        expected = algorithm_1(gradients, order)
        np.testing.assert_allclose(summed(gradients, order), expected, atol=1e-5)


def test_products_are_over_all_variables():
    order = tf.constant([[0, 1], [0, 1]])
    # Products -1 and 2: together there is no conflict.
    first = [tf.constant([1.0]), tf.constant([[1.0, 1.0]])]
    second = [tf.constant([-1.0]), tf.constant([[1.0, 1.0]])]
    small, large = project([first, second], order)
    np.testing.assert_array_equal(small, [0])
    np.testing.assert_array_equal(large, [[2, 2]])
    # Products -3 and 2, |g|^2 of 3 and 11: g1 + g2 / 11 and g2 + g1 / 3.
    second[0] = tf.constant([-3.0])
    small, large = project([first, second], order)
    np.testing.assert_allclose(small, [1 - 3 / 11 - 3 + 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(large, [[2 + 1 / 11 + 1 / 3] * 2], rtol=1e-6)


def test_zeros_change_nothing():
    gradients = [(1, 0), (0, 0), (-1, 1)]
    np.testing.assert_allclose(summed(gradients, IN_TURN), [0.5, 1.5], atol=1e-6)
    np.testing.assert_array_equal(summed([(0, 0)] * 3, IN_TURN), [0, 0])
    # A square too small for float32.
    found = summed([(1, 0), (-1e-25, 0)], [[0, 1], [0, 1]])
    np.testing.assert_allclose(found, [1, 0], atol=1e-6)


def test_each_variable_keeps_its_type():
    task = [tf.ones([2], tf.float16), tf.ones([3])]
    found = project([task, task], tf.constant([[0, 1], [0, 1]]))
    assert [g.dtype for g in found] == [tf.float16, tf.float32]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_in_a_graph_the_order_is_a_tensor(jit_compile):
    gradients = np.array([(2, 0), (-1, 1), (-1, -2)], np.float32)
    tasks = [tf.constant(gradient) for gradient in gradients]

    @tf.function(jit_compile=jit_compile)
    def projected(uniform):
        order = orders(uniform)
        return project([[g] for g in tasks], order)

    for seed in range(5):
        uniform = tf.random.stateless_uniform([3, 3], (0, seed))
        order = np.argsort(uniform.numpy(), axis=1)
        expected = algorithm_1(gradients, order)
        np.testing.assert_allclose(projected(uniform)[0], expected, atol=1e-6)


def test_orders_are_permutations():
    uniform = tf.constant([[0.5, 0.1, 0.9], [0.3, 0.2, 0.1], [0.0, 0.4, 0.2]])
    found = orders(uniform)
    np.testing.assert_array_equal(found, [[1, 0, 2], [2, 1, 0], [0, 2, 1]])
    assert found.dtype == tf.int32


def test_all_orders_are_drawn():
    samples = [
        orders(tf.random.stateless_uniform([3, 3], (1, seed))) for seed in range(400)
    ]
    drawn, counts = np.unique(np.concatenate(samples), axis=0, return_counts=True)
    assert len(drawn) == 6
    # 1200 rows, 200 of each; four standard deviations are 4 sqrt(1200 1/6 5/6) = 52.
    assert np.abs(counts - 200).max() <= 52


def test_gradients_that_do_not_go_together_are_refused():
    order = tf.constant([[0, 1], [0, 1]])
    with pytest.raises(ValueError, match="one task at least"):
        project([], order)
    with pytest.raises(ValueError, match=r"\[\(2,\)\].*received \[\(3,\)\] for task 1"):
        project([[tf.ones([2])], [tf.ones([3])]], order)
    with pytest.raises(ValueError, match="for task 1"):
        project([[tf.ones([2])], []], order)
