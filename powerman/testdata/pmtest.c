/* Uses every call of libpowerman against the server given as argument. */
#include <libpowerman.h>
#include <stdio.h>

static pm_handle_t h;

static int status(char *node)
{
	pm_node_state_t s;
	pm_err_t err = pm_node_status(h, node, &s);

	return err == PM_ESUCCESS ? (int)s : (int)err;
}

int main(int argc, char **argv)
{
	pm_node_iterator_t i;
	char text[64], *node;
	pm_err_t err;

	if ((err = pm_connect(argv[1], NULL, &h, 0)) != PM_ESUCCESS) {
		printf("connect: %s\n", pm_strerror(err, text, sizeof(text)));
		return 1;
	}
	if ((err = pm_node_iterator_create(h, &i)) != PM_ESUCCESS) {
		printf("iterator: %s\n", pm_strerror(err, text, sizeof(text)));
		return 1;
	}
	printf("nodes:");
	while ((node = pm_node_next(i)))
		printf(" %s", node);
	pm_node_iterator_reset(i);
	printf("\nagain: %s\n", pm_node_next(i));
	pm_node_iterator_destroy(i);

	printf("t0 %d, t1 %d, t3 %d\n", status("t0"), status("t1"), status("t3"));
	printf("on t0: %d, ", pm_node_on(h, "t0"));
	printf("off t1: %d, ", pm_node_off(h, "t1"));
	printf("cycle t2: %d\n", pm_node_cycle(h, "t2"));
	printf("t0 %d, t1 %d, t3 %d\n", status("t0"), status("t1"), status("t3"));
	printf("on t7: %d\n", pm_node_on(h, "t7"));
	printf("status zz: %d\n", status("zz"));
	printf("on t[2-1]: %d\n", pm_node_on(h, "t[2-1]"));
	pm_disconnect(h);
	return 0;
}
